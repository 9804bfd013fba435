"""Addresses of channels: which are taken, and that none leads into the hub's own network, by whatever way."""

import socket

import pytest

from syncadmin.notify.addresses import Private, Unfit, checked, public_only


@pytest.fixture(autouse=True)
def names(monkeypatch):
    """A little name service: nothing is asked outside."""
    known = {
        "hooks.example": "93.184.216.34",
        "inside.example": "10.1.2.3",
        "six.example": "fd00::1",
        "mapped.example": "::ffff:192.168.1.1",
        "nat.example": "64:ff9b::a00:1",
        "meta.example": "169.254.169.254",
    }
    real = socket.getaddrinfo

    def ask(host, port, *rest, **options):
        if host in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], port or 0))]
        return real(host, port, *rest, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", ask)


def test_a_public_address_is_taken_with_its_scheme():
    assert checked(" jsons://user:pass@hooks.example/x ") == ("jsons://user:pass@hooks.example/x", "jsons")


def test_a_plain_mail_address_needs_a_mail_server_of_the_hub(settings):
    settings.NOTIFY_MAIL_URL = ""
    with pytest.raises(Unfit, match="NOTIFY_MAIL_URL"):
        checked("anna@example.com")
    settings.NOTIFY_MAIL_URL = "mailtos://hub:x@mail.example"

    assert checked("anna@example.com") == ("anna@example.com", "mail")


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "syslog://",
        "dbus://",
        "exec://rm",
        "http://hooks.example/",
        "JSON",
        "anna@",
        "",
        "json://hooks.example/ x",
        "json://hooks.example/\nHost: evil",
        "jsons://",
        "workflows://hooks.example:443/a/b/?template=/etc/passwd",
        "mailto://u:p@hooks.example?pgpkey=/root/key",
        "json://hooks.example/?verify=no",
        "json://hooks.example/?redirect=yes",
        "json://" + "x" * 3000,
    ],
)
def test_what_is_no_channel_is_refused_without_saying_the_address(address):
    with pytest.raises(Unfit) as refused:
        checked(address)

    assert "passwd" not in str(refused.value)


PRIVATE = [
    "json://127.0.0.1/",
    "json://localhost.localdomain:8000/",
    "json://[::1]/",
    "json://10.0.0.5/",
    "json://0.0.0.0/",
    "json://169.254.169.254/latest/",
    "json://inside.example/",
    "json://six.example/",
    "json://mapped.example/",
    "json://nat.example/",
    "json://meta.example/",
    "mailto://user:pass@inside.example",
    "ntfy://inside.example/topic",
]


@pytest.mark.parametrize("address", [a for a in PRIVATE if "localdomain" not in a])
def test_a_private_address_is_refused_unless_the_hub_allows_it(address, settings):
    with pytest.raises(Unfit, match="private network"):
        checked(address)
    settings.NOTIFY_PRIVATE = True

    assert checked(address)[0] == address


def test_what_a_name_stands_for_is_looked_at_when_it_is_used():
    with public_only():
        socket.getaddrinfo("hooks.example", 443)
        with pytest.raises(Private):
            socket.getaddrinfo("inside.example", 443)
        with pytest.raises(Private):
            socket.create_connection(("127.0.0.1", 9))
    socket.getaddrinfo("inside.example", 443)
