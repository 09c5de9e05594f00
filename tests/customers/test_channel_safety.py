"""Where senders may connect to, how slow and large an answer may be, and signatures of others' documents."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from customers.channels import calling, destinations, filling, signing
from customers.channels.destinations import NotReached
from tests.customers import providers


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_the_public_internet_is_allowed(settings, address, allowed):
    settings.CHANNEL_NETWORKS = []
    assert destinations.is_allowed(ipaddress.ip_address(address)) is allowed


def test_a_network_of_ones_own_is_allowed_by_name_and_no_other(settings):
    settings.CHANNEL_NETWORKS = ["10.1.0.0/16"]
    assert destinations.is_allowed(ipaddress.ip_address("10.1.2.3"))
    assert destinations.is_allowed(ipaddress.ip_address("::ffff:10.1.2.3"))
    assert not destinations.is_allowed(ipaddress.ip_address("10.2.2.3"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "no.such.invalid"]
)
def test_connect_refuses_this_machine_in_every_spelling(settings, host):
    settings.CHANNEL_NETWORKS = []
    with providers.http() as told:
        with pytest.raises(NotReached, match=r"forbidden|name"):
            destinations.connect(host, told.port, seconds=1)
        assert told.got == []


def test_a_name_with_one_forbidden_address_is_refused_whole(settings, monkeypatch):
    settings.CHANNEL_NETWORKS = []
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)) for host in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **values: found)
    with pytest.raises(NotReached, match="forbidden"):
        destinations.connect("rebinding.example", 443, seconds=1)


def test_nothing_goes_in_the_clear_but_within_ones_own_network(settings, monkeypatch):
    settings.CHANNEL_NETWORKS = []
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **values: found)
    with pytest.raises(NotReached, match="unencrypted"):
        calling.post("http://example.com/", headers={}, body=b"")


def test_a_server_that_is_not_encrypted_is_not_spoken_to_as_if_it_were(settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    with providers.http() as told, pytest.raises(NotReached, match="tls"):
        calling.post(f"https://127.0.0.1:{told.port}/", headers={}, body=b"secret")


def test_an_answer_is_read_up_to_64_kilobytes(settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    with providers.http() as told:
        told.answers = [(200, {}, "x" * 100_000)]
        assert len(calling.post(f"http://127.0.0.1:{told.port}/", headers={}, body=b"").text) == 65_536


def test_a_server_that_drips_is_cut_off(settings, monkeypatch):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(calling, "MOST_SECONDS", 0.5)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def drip() -> None:
        sock, _where = listener.accept()
        with sock, contextlib.suppress(OSError):
            sock.sendall(b"HTTP/1.1 200 OK\r\n")
            for number in range(100):
                sock.sendall(f"X-{number}: y\r\n".encode())
                time.sleep(0.05)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    began = time.monotonic()
    with pytest.raises(calling.NoAnswer):
        calling.post(f"http://127.0.0.1:{port}/", headers={}, body=b"x")
    assert time.monotonic() - began < 3
    listener.close()
    thread.join(5)


def test_a_time_out_after_the_call_was_taken_is_no_answer(settings, monkeypatch):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(calling, "STEP_SECONDS", 0.3)
    listener = socket.create_server(("127.0.0.1", 0))
    with pytest.raises(calling.NoAnswer, match="TimeoutError"):
        calling.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", headers={}, body=b"x")
    listener.close()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120.0), ("0", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("٣", None)],
)
def test_retry_after_is_read_in_seconds(text, seconds):
    assert calling._seconds(text) == seconds


# --- Signatures: the examples of the providers' own documents ------------------------------------
def test_aliyuns_own_example():
    """https://help.aliyun.com/document_detail/315526.html, fixed parameters."""
    headers = signing.signed(
        "aliyun",
        url="https://ecs.cn-shanghai.aliyuncs.com/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"
        "&RegionId=cn-shanghai",
        headers={"x-acs-action": "RunInstances", "x-acs-version": "2014-05-26"},
        body=b"",
        secrets={"access_key_id": "YourAccessKeyId", "access_key_secret": "YourAccessKeySecret"},
        message_id="3156853299f313e23d1673dc12e1703d",
        at=datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC),
    )
    assert headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;"
        "x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_tencents_own_example():
    """https://cloud.tencent.com/document/api/213/30654, with the stars that stand for the keys there."""
    headers = signing.signed(
        "tencent",
        url="https://cvm.tencentcloudapi.com/",
        headers={"Content-Type": "application/json; charset=utf-8", "X-TC-Action": "DescribeInstances"},
        body=b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
        secrets={"secret_id": "AKID" + "*" * 32, "secret_key": "*" * 32},
        message_id="unused",
        at=datetime.fromtimestamp(1551113065, UTC),
    )
    assert headers["Authorization"].endswith(
        "/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host;x-tc-action, "
        "Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
    )


def test_standard_webhooks_own_example():
    """The example of the specification's reference libraries."""
    headers = signing.standard(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        body=b'{"test": 2432232314}',
        at=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


AT = datetime(2026, 5, 11, tzinfo=UTC)
KEY = "whsec_c2VjcmV0"


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ({}, True),
        ({"seconds": 300}, True),
        ({"seconds": 301}, False),
        ({"seconds": -301}, False),
        ({"body": b"{} "}, False),
        ({"key": "whsec_b3RoZXI="}, False),
        ({"headers": {"webhook-id": "msg_2"}}, False),
        ({"headers": {"webhook-timestamp": "x"}}, False),
        ({"headers": {"webhook-timestamp": "9" * 40}}, False),
        ({"headers": {"webhook-signature": ""}}, False),
        ({"headers": {"webhook-signature": "v2,abc v1,é"}}, False),
        ({"more": " v1,wrong"}, True),
    ],
)
def test_a_signature_is_right_only_whole_and_fresh(change, right):
    headers = signing.standard(KEY, message_id="msg_1", body=b"{}", at=AT)
    headers["webhook-signature"] = headers["webhook-signature"] + change.get("more", "")
    headers |= change.get("headers", {})
    found = signing.is_standard(
        change.get("key", KEY),
        headers=headers,
        body=change.get("body", b"{}"),
        at=AT + timedelta(seconds=change.get("seconds", 0)),
    )
    assert found is right


def test_a_plain_signature_covers_time_and_body():
    made = signing.signed(
        "hmac", url="https://x/", headers={}, body=b"{}", secrets={"signing_key": "k"}, message_id="m", at=AT
    )
    stamp = str(int(AT.timestamp()))
    right = hmac.new(b"k", f"{stamp}.{{}}".encode(), hashlib.sha256).hexdigest()
    assert made == {"X-Timestamp": stamp, "X-Signature": right}


# --- Placeholders ------------------------------------------------------------------------------
def test_placeholders_are_filled_once_and_run_nothing():
    values = {"text": "{{secret.key}} {% now %} {{ 7*7 }}", "secret.key": "hidden"}
    assert filling.fill("{{ text }}|{{text}}|{{nothing}}|{{7*7}}", values) == (
        f"{values['text']}|{values['text']}||{{{{7*7}}}}"
    )


def test_only_known_names_pass():
    filling.check("{{to}} {{param.x}} {{secret.a}}", known=filling.PLAIN, secrets=["a"])
    for text in ("{{secret.b}}", "{{settings.SECRET_KEY}}", "{{to.__class__}}"):
        with pytest.raises(filling.UnknownPlaceholder):
            filling.check(text, known=filling.PLAIN, secrets=["a"])


@pytest.mark.parametrize(
    ("path", "found"),
    [("a.0.b", "1"), ("a.1.b", ""), ("a", ""), ("c", ""), ("a.0.b.x", ""), ("d", "True"), ("", "")],
)
def test_paths_find_values_only(path, found):
    assert filling.at_path({"a": [{"b": 1}], "c": None, "d": True}, path) == found
