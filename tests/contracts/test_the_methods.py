"""The RPC methods that other services and programs of a cell are promised: one that is taken away, or renamed, breaks them."""

from __future__ import annotations

import pytest

from tests.support.methods import methods

PROMISED = {
    "offers": "get_standing send_offer accept_offer decline_offer withdraw_offer remind_offer end_partnership remove_partnership"
    " list_partnerships get_partnership count_partnerships mark_seen",
    "contacts": "list_contacts get_contact get_contacts create_contact update_contact delete_contact list_assignments"
    " propose_modification answer_modification withdraw_modification list_modifications",
    "managers": "list_managers add_managers remove_manager set_owner",
    "history": "list_entries",
    "notifications": "list_notifications mark_read get_preferences set_preferences",
    "accounts": "register_tenant open_session authenticate close_session list_sessions revoke_session change_password get_settings"
    " update_settings get_profile update_profile list_users create_user update_user get_environments set_environments create_api_key"
    " list_api_keys revoke_api_key",
}


@pytest.mark.parametrize("service", PROMISED)
def test_what_was_promised_is_there(service: str) -> None:
    assert {f"{service}.{name}" for name in PROMISED[service].split()} - methods() == set()
