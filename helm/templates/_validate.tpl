{{- /* What the schema can't say. Each message names the value and the way out. */ -}}
{{- define "reconciler.validate" -}}
{{- $postgresql := eq .Values.state.type "postgresql" -}}
{{- if and (gt (int .Values.replicas) 1) (not $postgresql) -}}
{{- fail "replicas: SQLite serves one daemon only; set state.type to postgresql, or replicas to 1" -}}
{{- end -}}
{{- if and (eq .Values.strategy "RollingUpdate") (not $postgresql) -}}
{{- fail "strategy: with SQLite the old daemon has to stop before the new one starts; set state.type to postgresql, or strategy to Recreate" -}}
{{- end -}}
{{- if $postgresql -}}
{{- if not .Values.state.postgresql.secret -}}
{{- fail "state.postgresql.secret: name the Secret that holds the database's URL" -}}
{{- end -}}
{{- if not (or .Values.state.fingerprintKey.secret (has "fingerprint-key" (include "reconciler.given" . | fromJsonArray))) -}}
{{- fail "state.fingerprintKey.secret: PostgreSQL has no place for a key file; name a Secret with 32 random bytes or more" -}}
{{- end -}}
{{- end -}}
{{- include "reconciler.validateSource" . -}}
{{- include "reconciler.validateSecrets" . -}}
{{- include "reconciler.validateFiles" . -}}
{{- include "reconciler.validateExposure" . -}}
{{- range .Values.extraVolumes -}}
{{- if hasKey . "hostPath" -}}{{- fail (printf "extraVolumes: %s is a hostPath, which Pod Security \"restricted\" refuses; use a claim, a ConfigMap or a Secret" .name) -}}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "reconciler.validateSource" -}}
{{- $given := list -}}
{{- if .Values.source.git.url -}}{{- $given = append $given "source.git.url" -}}{{- end -}}
{{- if .Values.source.configMap -}}{{- $given = append $given "source.configMap" -}}{{- end -}}
{{- if .Values.source.documents -}}{{- $given = append $given "source.documents" -}}{{- end -}}
{{- if not $given -}}
{{- fail "source: nobody said where the desired state is; set source.git.url, source.configMap or source.documents" -}}
{{- end -}}
{{- if gt (len $given) 1 -}}
{{- fail (printf "source: %s are all given; leave one of them" (join " and " $given)) -}}
{{- end -}}
{{- with .Values.source.git -}}
{{- if and .token .ssh_key -}}{{- fail "source.git: token and ssh_key are both given; leave one of them out" -}}{{- end -}}
{{- if and .ssh_key (not .known_hosts) -}}{{- fail "source.git.known_hosts: an SSH key needs the server's own key; put ssh-keyscan's output into files, and name it here" -}}{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The names of secrets that Secrets and extraEnv give, as a JSON array. */ -}}
{{- define "reconciler.given" -}}
{{- $given := list -}}
{{- range .Values.secrets -}}{{- range $name, $_ := .items -}}{{- $given = append $given $name -}}{{- end -}}{{- end -}}
{{- if .Values.state.fingerprintKey.secret -}}{{- $given = append $given "fingerprint-key" -}}{{- end -}}
{{- range .Values.extraEnv -}}
{{- if hasPrefix "RECONCILER_SECRET_" .name -}}{{- $given = append $given (.name | trimPrefix "RECONCILER_SECRET_" | lower | replace "_" "-") -}}{{- end -}}
{{- end -}}
{{- toJson $given -}}
{{- end -}}

{{- define "reconciler.validateSecrets" -}}
{{- $given := include "reconciler.given" . | fromJsonArray -}}
{{- range $name := uniq $given -}}
{{- if gt (len $given) (add (len (without $given $name)) 1 | int) -}}
{{- fail (printf "secrets: %s is given twice; leave one of them out" $name) -}}
{{- end -}}
{{- end -}}
{{- $whole := not (empty .Values.extraEnvFrom) -}}
{{- range .Values.secrets -}}{{- if not .items -}}{{- $whole = true -}}{{- end -}}{{- end -}}
{{- if not $whole -}}
{{- range include "reconciler.used" . | fromJsonArray -}}
{{- if not (has .name $given) -}}
{{- fail (printf "%s: no Secret gives %s; add it to the items of one of secrets" .place .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The names of secrets that the configuration uses, each with its place, as a JSON array. */ -}}
{{- define "reconciler.used" -}}
{{- $used := list -}}
{{- range $target := .Values.config.targets -}}
{{- range $kind, $name := .credentials -}}
{{- $used = append $used (dict "name" $name "place" (printf "config.targets: %s of %s" $kind $target.name)) -}}
{{- end -}}
{{- end -}}
{{- $daemon := .Values.config.daemon | default dict -}}
{{- range $daemon.tokens -}}
{{- $used = append $used (dict "name" .secret "place" (printf "config.daemon.tokens: %s" .name)) -}}
{{- end -}}
{{- with $daemon.webhook -}}{{- $used = append $used (dict "name" .secret "place" "config.daemon.webhook") -}}{{- end -}}
{{- with $daemon.commit_status -}}{{- $used = append $used (dict "name" .token "place" "config.daemon.commit_status") -}}{{- end -}}
{{- range $one := $daemon.notifications -}}
{{- range $field := list "url" "signing" "apprise" -}}
{{- with index $one $field -}}{{- $used = append $used (dict "name" . "place" (printf "config.daemon.notifications: %s" $field)) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if .Values.source.git.url -}}
{{- range $field := list "token" "ssh_key" -}}
{{- with index $.Values.source.git $field -}}{{- $used = append $used (dict "name" . "place" (printf "source.git.%s" $field)) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $used -}}
{{- end -}}

{{- define "reconciler.validateFiles" -}}
{{- if and .Values.ca.configMap .Values.ca.secret -}}
{{- fail "ca: configMap and secret are both given; leave one of them out" -}}
{{- end -}}
{{- $there := keys .Values.files -}}
{{- if or .Values.ca.configMap .Values.ca.secret -}}
{{- if has "ca.crt" $there -}}{{- fail "files: ca.crt is given by ca as well; call it something else" -}}{{- end -}}
{{- $there = append $there "ca.crt" -}}
{{- end -}}
{{- if has "reconciler.yaml" $there -}}{{- fail "files: reconciler.yaml is the configuration, which config says; call it something else" -}}{{- end -}}
{{- $named := dict -}}
{{- range .Values.config.targets -}}
{{- with (.tls | default dict).ca -}}{{- $_ := set $named . "config.targets: tls.ca" -}}{{- end -}}
{{- end -}}
{{- range $field := list "known_hosts" "ca" "verify_signatures" -}}
{{- with index $.Values.source.git $field -}}{{- $_ := set $named . (printf "source.git.%s" $field) -}}{{- end -}}
{{- end -}}
{{- range $file, $place := $named -}}
{{- if not (or (isAbs $file) (has $file $there)) -}}
{{- fail (printf "%s: there is no file %s; add it to files, or, for authorities, name a ConfigMap or a Secret in ca and say ca.crt" $place $file) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "reconciler.validateExposure" -}}
{{- $tokens := (.Values.config.daemon | default dict).tokens -}}
{{- range .Values.extraEnv -}}
{{- if regexMatch "^RECONCILER_(READ|PLAN|OPERATE)_TOKEN(_FILE)?$" .name -}}{{- $tokens = append ($tokens | default list) . -}}{{- end -}}
{{- end -}}
{{- if .Values.ingress.enabled -}}
{{- if not $tokens -}}
{{- fail "ingress.enabled: without a token nothing but probes is answered on an address that others can reach; add one to config.daemon.tokens" -}}
{{- end -}}
{{- if not .Values.ingress.hosts -}}{{- fail "ingress.hosts: name the host that the Ingress is for" -}}{{- end -}}
{{- if not (or .Values.ingress.tls .Values.ingress.tlsElsewhere) -}}
{{- fail "ingress.tls: tokens would travel in clear; name the certificates' Secrets, or set ingress.tlsElsewhere where TLS ends before the Ingress" -}}
{{- end -}}
{{- end -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- if not $tokens -}}
{{- fail "serviceMonitor.enabled: without a token /metrics isn't answered; add one with the role read to config.daemon.tokens" -}}
{{- end -}}
{{- if not .Values.serviceMonitor.token.secret -}}
{{- fail "serviceMonitor.token.secret: name the Secret with the token that Prometheus sends" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.prometheusRule.enabled (not .Values.serviceMonitor.enabled) (not .Values.prometheusRule.selector) -}}
{{- fail "prometheusRule.selector: without a ServiceMonitor nobody knows how Prometheus labels the figures; say it, or set serviceMonitor.enabled" -}}
{{- end -}}
{{- end -}}
