from __future__ import annotations

import datetime
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import SimpleTestCase, override_settings

from models_app.tests.receivers import Receiver, receiving
from models_app.webhooks.addresses import AddressRefused, read_target, require_allowed
from models_app.webhooks.sending import Answer, post

PRIVATE = "The address belongs to a private, local or reserved network."
allow_private = override_settings(WEBHOOK_PRIVATE_ADDRESSES=True)


@contextmanager
def resolving(**names: list[str]) -> Iterator[list[str]]:
    """A resolver that knows `names` alone (`_` for a dot), and what it was asked."""
    asked: list[str] = []

    def look_up(host: str, port: int, **kwargs: object) -> list[object]:
        asked.append(host)
        found = names.get(host.replace(".", "_"))
        if found is None:
            raise socket.gaierror
        return [(None, None, None, "", (address, port)) for address in found]

    with patch("models_app.webhooks.addresses.socket.getaddrinfo", look_up):
        yield asked


class AddressTests(SimpleTestCase):
    def test_it_refuses_every_address_that_is_not_public(self) -> None:
        for address in (
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",  # noqa: S104
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "192.0.0.192",
            "168.63.129.16",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::808:808",
            "2001:0:808:808::1",
            "2002:7f00:1::",
            "2002:808:808::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fe80::1%eth0",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
        ):
            with self.subTest(address), self.assertRaises(AddressRefused):
                require_allowed(address)

    def test_it_allows_public_ones(self) -> None:
        for address in ("8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"):
            with self.subTest(address):
                require_allowed(address)

    def test_it_refuses_what_is_no_address_of_the_web(self) -> None:
        for url in (
            "",
            "hooks.example.org",
            "ftp://hooks.example.org/",
            "file:///etc/passwd",
            "https://",
            "https://user:word@hooks.example.org/",
            "https://@hooks.example.org/",
            "https://hooks.example.org:0/",
            "https://hooks.example.org:99999/",
            "https://hooks.example.org/a b",
            "https://hooks.example.org/#part",
            "https://hooks.example.org\\@127.0.0.1/",
            "https://hooks.example.org/\r\nX-Header: 1",
            "https://höoks.example.org/",
            "https://[::1/",
            "https://hooks.example.org/" + "a" * 2000,
            "http://localhost/",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://0x7f.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::1%25lo]/",
            "http://%31%32%37.0.0.1/",
            "http://a,b/",
            "http://[::1]:8000/",
            "http://169.254.169.254/latest/meta-data/",
        ):
            with self.subTest(url), self.assertRaises(AddressRefused):
                read_target(url)

    def test_it_takes_an_address_apart(self) -> None:
        target = read_target("https://Hooks.Example.org:8443/a?b=c")

        self.assertEqual(target.host, "hooks.example.org")
        self.assertEqual(target.host_header, "hooks.example.org:8443")
        self.assertEqual((target.port, target.path), (8443, "/a?b=c"))


class SendingTests(SimpleTestCase):
    def send(self, url: str, **options: object) -> Answer:
        return post(url, b"{}", {"X-Test": "yes"}, **options)  # type: ignore[arg-type]

    @allow_private
    def test_it_posts_the_body_and_reads_the_status(self) -> None:
        with receiving(201) as receiver:
            answer = self.send(receiver.url + "?a=b")

        (received,) = receiver.received
        self.assertEqual(answer.status, 201)
        self.assertTrue(answer.is_success)
        self.assertEqual((received.path, received.body), ("/hook?a=b", b"{}"))
        self.assertEqual(received.headers["x-test"], "yes")

    @allow_private
    def test_it_follows_no_redirect(self) -> None:
        with receiving(302) as receiver:
            answer = self.send(receiver.url)

        self.assertEqual(answer.status, 302)
        self.assertFalse(answer.is_success)
        self.assertEqual([one.path for one in receiver.received], ["/hook"])

    def test_it_connects_to_nobody_where_a_name_leads_inside(self) -> None:
        names = {
            "inside_example": ["127.0.0.1"],
            "both_example": ["8.8.8.8", "10.0.0.1"],
            "mapped_example": ["::ffff:127.0.0.1"],
        }
        with receiving() as receiver, resolving(**names):
            for name in names:
                host = name.replace("_", ".")
                url = receiver.url.replace("127.0.0.1", host)
                with (
                    self.subTest(host),
                    patch("models_app.webhooks.sending.socket.socket") as connection,
                ):
                    self.assertEqual(self.send(url).problem, PRIVATE)
                    connection.assert_not_called()
        self.assertEqual(receiver.received, [])

    def test_it_refuses_other_spellings_of_this_machine(self) -> None:
        for host in ("0x7f.1", "2130706433", "0177.0.0.1", "127.1"):
            with self.subTest(host):
                self.assertEqual(self.send(f"http://{host}:9/").problem, PRIVATE)

    @allow_private
    def test_it_resolves_once_and_connects_to_what_was_checked(self) -> None:
        with receiving() as receiver, resolving(hooks_example=["127.0.0.1"]) as asked:
            url = receiver.url.replace("127.0.0.1", "hooks.example")
            answer = self.send(url)

        self.assertTrue(answer.is_success)
        self.assertEqual(asked, ["hooks.example"])
        (received,) = receiver.received
        self.assertEqual(
            received.headers["host"], f"hooks.example:{receiver.server_port}"
        )

    @allow_private
    def test_it_tries_the_next_address_of_a_name(self) -> None:
        hosts = ["127.0.0.2", "127.0.0.1"]
        with receiving() as receiver, resolving(hooks_example=hosts):
            url = receiver.url.replace("127.0.0.1", "hooks.example")
            self.assertTrue(self.send(url).is_success)

    @allow_private
    def test_it_says_what_was_wrong_with_the_connection(self) -> None:
        with receiving() as receiver:
            unused = receiver.url
        with resolving():
            lost = self.send("http://nowhere.example/")

        self.assertEqual(lost.problem, "The name of the host cannot be resolved.")
        self.assertEqual(self.send(unused).problem, "The connection was refused.")

    @allow_private
    def test_it_bounds_the_time_of_a_receiver_that_drips(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            end = threading.Event()
            thread = threading.Thread(target=drip, args=(listener, end))
            thread.start()
            port = listener.getsockname()[1]
            answer = self.send(f"http://127.0.0.1:{port}/", seconds=0.3)
            end.set()
            thread.join()

        self.assertEqual(answer.problem, "No answer within 0.3 seconds.")
        self.assertIsNone(answer.status)

    @allow_private
    def test_it_bounds_the_time_of_one_that_says_nothing(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            for scheme in ("http", "https"):
                with self.subTest(scheme):
                    answer = self.send(f"{scheme}://127.0.0.1:{port}/", seconds=0.2)
                    self.assertEqual(answer.problem, "No answer within 0.2 seconds.")

    @allow_private
    def test_it_reads_no_endless_header(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=flood, args=(listener,))
            thread.start()
            answer = self.send(f"http://127.0.0.1:{listener.getsockname()[1]}/")
            thread.join()

        self.assertIn("without an answer of HTTP", answer.problem)


class CertificateTests(SimpleTestCase):
    """A receiver with a certificate for `hooks.example`."""

    @allow_private
    def test_it_verifies_the_certificate_by_the_name_of_the_host(self) -> None:
        names = {"hooks_example": ["127.0.0.1"], "other_example": ["127.0.0.1"]}
        with secured_receiver() as (receiver, trusted), resolving(**names):
            port = receiver.server_port
            right = post(f"https://hooks.example:{port}/", b"{}", {}, tls=trusted)
            wrong = post(f"https://other.example:{port}/", b"{}", {}, tls=trusted)
            unknown = post(f"https://hooks.example:{port}/", b"{}", {})

        self.assertEqual(right.status, 204, right.problem)
        self.assertIn("The certificate is not valid: Hostname mismatch", wrong.problem)
        self.assertIn("The certificate is not valid: self", unknown.problem)
        self.assertEqual(len(receiver.received), 1)


def drip(listener: socket.socket, end: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            while not end.wait(0.02):
                connection.sendall(b"H")
        except OSError:
            return


def flood(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X-Endless: yes\r\n" * 1000)
        except OSError:
            return


@contextmanager
def secured_receiver() -> Iterator[tuple[Receiver, ssl.SSLContext]]:
    with tempfile.TemporaryDirectory() as folder, receiving() as receiver:
        path = Path(folder) / "both.pem"
        path.write_bytes(certificate_for("hooks.example"))
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(path)
        receiver.socket = server_side.wrap_socket(receiver.socket, server_side=True)
        yield receiver, ssl.create_default_context(cafile=str(path))


def certificate_for(host: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
