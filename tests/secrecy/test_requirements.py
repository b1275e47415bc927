"""What is promised about secrets and the network, and the tests that show it: none of them may go unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
SHOWN: dict[str, list[str]] = {
    "https unless the host is loopback or allow_http": [
        "api/test_api_faults.py::test_which_addresses_are_taken",
        "secrecy/test_network.py::test_plain_http_leaves_this_machine_only_where_that_is_allowed",
    ],
    "a private CA": ["api/test_api_tls.py::test_a_private_authority_is_believed"],
    "expired, wrong host, unknown CA, downgrade: closed before any credential": [
        "api/test_api_tls.py::test_no_credential_goes_to_a_server_that_is_not_believed",
        "api/test_api_tls.py::test_an_old_protocol_is_refused",
        "api/test_api_tls.py::test_a_server_without_tls_reads_no_credential",
        "secrecy/test_network.py::test_a_server_that_is_not_believed_is_told_nothing",
    ],
    "no redirect is followed; the other host sees no request": [
        "api/test_api_requests.py::test_a_redirect_is_never_followed",
        "secrecy/test_network.py::test_another_host_that_is_pointed_to_sees_no_connection",
    ],
    "no proxy but a configured one": [
        "api/test_api_faults.py::test_a_proxy_is_used_and_the_environment_is_not",
        "secrecy/test_network.py::test_a_proxy_is_used_where_it_is_named_and_never_because_of_the_environment",
    ],
    "one total deadline a request": ["api/test_api_faults.py::test_the_deadline_is_total"],
    "a body is bounded while it is read": [
        "api/test_api_faults.py::test_an_answer_that_is_too_much_is_not_asked_for_again"
    ],
    "429 and Retry-After are obeyed": [
        "api/test_api_faults.py::test_pauses_obey_the_server_and_have_a_cap",
        "api/test_api_faults.py::test_retry_after_in_all_its_forms",
        "api/test_api_faults.py::test_too_many_requests_means_that_a_write_was_not_done",
    ],
    "a circuit breaker": ["api/test_api_faults.py::test_the_breaker_spares_a_dead_server_and_lets_it_come_back"],
    "wrong tokens are throttled, right ones never": [
        "secrecy/test_guesses.py::test_wrong_tokens_are_throttled_and_right_ones_never"
    ],
    "a secret goes only where it is bound to": [
        "secrecy/test_bindings.py::test_a_document_cant_have_anothers_secret_sent_to_its_target",
        "secrecy/test_bindings.py::test_a_pass_is_given_no_secret_that_its_target_must_not_be_told",
        "secrecy/test_network.py::test_a_bound_secret_is_sent_nowhere_else",
    ],
    "no canary in any sink": [
        "secrecy/test_life.py::test_commands_show_no_canary_whatever_the_server_quotes",
        "secrecy/test_life.py::test_a_daemon_shows_no_canary_whatever_the_server_quotes",
        "secrecy/test_life.py::test_a_defect_that_quotes_every_secret_is_told_without_one",
        "secrecy/test_canaries.py::test_a_quoted_secret_is_hidden_in_each_form",
        "secrecy/test_canaries.py::test_a_servers_words_are_hidden_before_they_are_cut",
    ],
    "replies lose their keys, and unknown fields go nowhere": [
        "secrecy/test_replies.py::test_keys_are_dropped_however_deep_they_lie",
        "secrecy/test_replies.py::test_fields_that_nobody_knows_go_nowhere",
    ],
    "no line of a log is forged": [
        "telemetry/test_logs.py::test_no_line_is_forged_on_a_terminal",
        "telemetry/test_logs.py::test_json_stays_one_line_and_harmless",
    ],
}


@pytest.mark.parametrize("requirement", SHOWN)
def test_each_requirement_has_its_tests(requirement: str):
    for one in SHOWN[requirement]:
        file, _, name = one.partition("::")
        assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8"), one
