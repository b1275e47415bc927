{{- define "reconciler.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "reconciler.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "reconciler.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "reconciler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "reconciler.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "reconciler.daemonLabels" -}}
{{ include "reconciler.selectorLabels" . }}
app.kubernetes.io/component: daemon
{{- end -}}

{{- /* Of every resource: `component`, and `more` labels of it. The chart's own win, since selectors depend on them. */ -}}
{{- define "reconciler.labelsOf" -}}
{{- $own := dict
    "helm.sh/chart" (printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_"))
    "app.kubernetes.io/name" (include "reconciler.name" .root)
    "app.kubernetes.io/instance" .root.Release.Name
    "app.kubernetes.io/version" .root.Chart.AppVersion
    "app.kubernetes.io/managed-by" .root.Release.Service
    "app.kubernetes.io/part-of" "reconciler" -}}
{{- with .component -}}{{- $_ := set $own "app.kubernetes.io/component" . -}}{{- end -}}
{{- toYaml (merge $own (.more | default dict) .root.Values.commonLabels) -}}
{{- end -}}

{{- define "reconciler.labels" -}}
{{- include "reconciler.labelsOf" (dict "root" .) -}}
{{- end -}}

{{- define "reconciler.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "reconciler.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "reconciler.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "reconciler.strategy" -}}
{{- .Values.strategy | default (ternary "RollingUpdate" "Recreate" (eq .Values.state.type "postgresql")) -}}
{{- end -}}

{{- define "reconciler.claim" -}}
{{- .Values.state.sqlite.existingClaim | default (printf "%s-state" (include "reconciler.fullname" .)) -}}
{{- end -}}

{{- /* The name of the ConfigMap with the desired state; empty with git. */ -}}
{{- define "reconciler.desired" -}}
{{- if .Values.source.documents -}}
{{- include "reconciler.fullname" . -}}-desired
{{- else -}}
{{- .Values.source.configMap -}}
{{- end -}}
{{- end -}}

{{- /* Where the copy of the repository is kept: with the state, so that it outlives the pod, else in a scratch folder. */ -}}
{{- define "reconciler.cache" -}}
{{- if and (eq .Values.state.type "sqlite") .Values.state.sqlite.persistent -}}
/var/lib/reconciler/cache
{{- else -}}
/var/cache/reconciler
{{- end -}}
{{- end -}}

{{- /* reconciler.yaml */ -}}
{{- define "reconciler.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not $config.installers -}}{{- $_ := unset $config "installers" -}}{{- end -}}
{{- $_ := set $config "apiVersion" "reconciler/v1" -}}
{{- $_ := set $config "kind" "Config" -}}
{{- $_ := set $config "secrets_dir" "/run/secrets/reconciler" -}}
{{- if eq .Values.state.type "sqlite" -}}
{{- $_ := set $config "state" "sqlite:////var/lib/reconciler/state.db" -}}
{{- end -}}
{{- $daemon := $config.daemon | default dict -}}
{{- $_ := set $daemon "listen" (printf "%s:8080" .Values.listenAddress) -}}
{{- if .Values.source.git.url -}}
{{- $git := dict -}}
{{- range $key, $value := .Values.source.git -}}
{{- if or $value (kindIs "bool" $value) -}}{{- $_ := set $git $key $value -}}{{- end -}}
{{- end -}}
{{- $_ := set $daemon "source" (dict "git" $git) -}}
{{- else -}}
{{- $_ := set $daemon "source" (dict "path" "/srv/desired-state") -}}
{{- end -}}
{{- $_ := set $config "daemon" $daemon -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "reconciler.podSecurityContext" -}}
runAsNonRoot: true
{{- if .Values.fixedIds }}
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "reconciler.securityContext" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* What the daemon and the test pod have in common: configuration, secrets, desired state, a place to write. */ -}}
{{- define "reconciler.volumes" -}}
- name: config
  projected:
    defaultMode: 292
    sources:
      - configMap:
          name: {{ include "reconciler.fullname" . | quote }}
      {{- if .Values.ca.configMap }}
      - configMap:
          name: {{ .Values.ca.configMap | quote }}
          items: [{key: {{ .Values.ca.key | quote }}, path: ca.crt}]
      {{- end }}
      {{- if .Values.ca.secret }}
      - secret:
          name: {{ .Values.ca.secret | quote }}
          items: [{key: {{ .Values.ca.key | quote }}, path: ca.crt}]
      {{- end }}
- name: secrets
  projected:
    defaultMode: 288
    {{- if not (or .Values.secrets .Values.state.fingerprintKey.secret) }}
    sources: []
    {{- else }}
    sources:
      {{- range .Values.secrets }}
      - secret:
          name: {{ .name | quote }}
          {{- with .items }}
          items:
            {{- range $path, $key := . }}
            - {key: {{ $key | quote }}, path: {{ $path | quote }}}
            {{- end }}
          {{- end }}
      {{- end }}
      {{- with .Values.state.fingerprintKey }}
      {{- if .secret }}
      - secret:
          name: {{ .secret | quote }}
          items: [{key: {{ .key | quote }}, path: fingerprint-key}]
      {{- end }}
      {{- end }}
    {{- end }}
{{- with include "reconciler.desired" . }}
- name: desired-state
  configMap:
    name: {{ . | quote }}
    defaultMode: 292
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.scratch.tmp | quote }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "reconciler.volumeMounts" -}}
- {name: config, mountPath: /etc/reconciler, readOnly: true}
- {name: secrets, mountPath: /run/secrets/reconciler, readOnly: true}
{{- if include "reconciler.desired" . }}
- {name: desired-state, mountPath: /srv/desired-state, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "reconciler.scheduling" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The secret of the first token that may do what the test does and lies in a file; empty where there is none. */ -}}
{{- define "reconciler.testToken" -}}
{{- $roles := ternary (list "plan" "operate") (list "read" "plan" "operate") (ne (include "reconciler.desired" .) "") -}}
{{- $files := list -}}
{{- $whole := false -}}
{{- range .Values.secrets -}}
{{- if .items -}}{{- $files = concat $files (keys .items) -}}{{- else -}}{{- $whole = true -}}{{- end -}}
{{- end -}}
{{- $found := "" -}}
{{- range (.Values.config.daemon | default dict).tokens -}}
{{- if and (not $found) (has .role $roles) (or $whole (has .secret $files)) -}}{{- $found = .secret -}}{{- end -}}
{{- end -}}
{{- $found -}}
{{- end -}}
