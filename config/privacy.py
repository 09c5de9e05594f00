"""What the tables of libraries hold of a person; ours declare it on the model itself."""

from __future__ import annotations

from customers.ground.privacy import Declaration, declare

FOREIGN: dict[str, Declaration] = {
    "auth.permission": declare(none_keep="id name content_type codename"),
    "auth.group": declare(none_keep="id name"),
    "contenttypes.contenttype": declare(none_keep="id app_label model"),
    "sessions.session": declare(key_destroy="session_key session_data", none_keep="expire_date"),
    "admin.logentry": declare(
        none_keep="id action_time content_type object_id action_flag",
        staff_keep="user",
        text_blank="object_repr change_message",
    ),
    "account.emailaddress": declare(none_keep="id verified primary", staff_keep="user email"),
    "account.emailconfirmation": declare(none_keep="id created sent email_address", key_destroy="key"),
}
