# SPDX-License-Identifier: Apache-2.0
"""What a host says, at random: every command as hosts may write it, right and wrong, with values that the model can
judge."""

from harness import escape
from language import MAX_TOPIC, Command, is_filter, is_name
from world import DOWN_TOPICS

CONNECT_SECONDS = 8
CERTIFICATES = {
    b"HOTAcertificate": [(), ("hota1",), ("hota2-by-hota1",), ("hota3-by-hota2",), ("hota-other",), b"x", b"-----"],
    b"RootCA": [(), ("server-ca",), ("other-ca",), ("server-ca", "other-ca"), ("root2",), ("root-by-other-ca",), b"CA"],
}
TOPICS = DOWN_TOPICS + (b"u/1", b"u/2", b"u/3", b"d/+", b"d/#", b"d/3/+", b"d/3/#", b"+/3", b"u/+", b"u/#")
BAD_TOPICS = (b"a/#/b", b"a+b", b"#a", b"a\0b", b"\xff/x", b"\xed\xa0\x80", b"a\1b")
TIME = rb"OK \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d\d SNTP|ERR15 TIME NOT AVAILABLE"
E2, E3, E4, E5 = b"ERR2 PARSE ERROR", b"ERR3 COMMAND NOT FOUND", b"ERR4 PARAMETER ERROR", b"ERR5 INVALID ESCAPE"
E7, E11 = b"ERR7 OUT OF RANGE", b"ERR11 UNKNOWN KEY"
FIXED = (  # whatever the state is
    (b"AT", b"OK"), (b"AT+CONF? TechSpec", b"OK v1.0"), (b"AT+OTA?", b"OK 0"), (b"AT+OTA FLUSH", b"OK"),
    (b"AT+OTA close", b"OK"), (b"AT+OTA ACCEPT", b"ERR21 INVALID OTA UPDATE"), (b"AT+OTA", E4), (b"AT+OTA READ 0", E4),
    (b"AT+OTA READ 1024", b"ERR19 HOST IMAGE NOT AVAILABLE"), (b"AT+OTA SEEK  1", b"ERR19 HOST IMAGE NOT AVAILABLE"),
    (b"AT+WHERE?", b"ERR16 LOCATION NOT AVAILABLE"), (b"AT+CONFMODE", b"ERR17 MODE NOT AVAILABLE"),
    (b"AT+CONFMODE " + b"x" * 33, E4), (b"AT+FOO", E3), (b"AT+EVENT", E3), (b"AT+", E3), (b"AT+ X", E3),
    (b"AT+" + b"X" * 33, E3), (b"AT+CONNECT5", E4), (b"AT+CONNECT??", E2), (b"AT+CONNECT now", E4),
    (b"AT+SEND hello", E4), (b"AT+SUBSCRIBE", E4), (b"AT+SEND1x", E2), (b"AT+SEND0 x", E7), (b"AT+SEND17 x", E7),
    (b"AT+GET17", E7), (b"AT+SUBSCRIBE" + b"9" * 30, E7), (b"AT+UNSUBSCRIBE0", E7), (b"AT+SLEEP9A", E4),
    (b"AT+SLEEP 0", E4), (b"AT+SLEEP 2592001", E4), (b"AT+CONF", E4), (b"AT+CONF CustomName", E4),
    (b"AT+CONF =x", b"ERR9 INVALID KEY LENGTH"), (b"AT+CONF Custom Name=x", b"ERR10 INVALID KEY NAME"),
    (b"AT+CONF VERSION=1", E11), (b"AT+CONF Topic0=x", E11), (b"AT+CONF Topic17=x", E11), (b"AT+CONF APN=x", E11),
    (b"AT+CONF Version=1", b"ERR12 KEY READONLY"), (b"AT+CONF? Passphrase", b"ERR13 KEY WRITEONLY"),
    (b"AT+CONF CustomName=\\x", E5), (b"AT+SEND1 \\", E5), (b"AT+DIAG NOPE", E4), (b"AT+DIAG", E4),
    (b"AT+DIAG SCAN", b"ERR17 MODE NOT AVAILABLE"),
    (b"AT+SEND1 " + b"x" * 6000, b"ERR1 OVERFLOW"),
)
NOISE = b" #:;$%&\0\1\x7f\x80\xff.-xyz0123456789\t\\"


class Talk:
    """Each method makes a Command from choices of r, a random.Random."""

    def __init__(self, model, closed):
        self.model = model
        self.good = model.good_endpoints
        self.closed = closed  # a port where nobody listens
        self.sequence = 0

    def line_of(self, r, word, rest=b""):
        """A command as hosts may write it."""
        if r.random() < 0.1:
            word = bytes(r.choice((c, c, c ^ 32)) if 65 <= (c & 95) <= 90 else c for c in word)
        noise = bytes(r.choices(NOISE, k=r.randrange(1, 20))) if r.random() < 0.05 else b""
        return noise + b"AT+" + word + rest + r.choice((b"\r", b"\n", b"\r\n", b"\r\n", b"\n\r"))

    def plain(self, r, kind, *args, seconds=3):
        words = {"event?": b"EVENT?", "connect?": b"CONNECT?", "connect": b"CONNECT", "disconnect": b"DISCONNECT",
                 "reset": b"RESET", "factory": b"FACTORY_RESET", "info": b"DIAG"}
        return Command(kind, self.line_of(r, words[kind], b" INFO" if kind == "info" else b""), args, seconds)

    def event(self, r):
        return self.plain(r, "event?")

    def connect_query(self, r):
        return self.plain(r, "connect?")

    def connect(self, r):
        return self.plain(r, "connect", seconds=CONNECT_SECONDS)

    def disconnect(self, r):
        return self.plain(r, "disconnect")

    def reset(self, r):
        return self.plain(r, "reset")

    def factory(self, r):
        return self.plain(r, "factory", seconds=35)

    def info(self, r):
        return self.plain(r, "info")

    def fixed(self, r):
        data, answer = r.choice(FIXED)
        return Command("fixed", data + r.choice((b"\r\n", b"\r", b"\n")), (answer,))

    def time_query(self, r):
        return Command("pattern", self.line_of(r, b"TIME?"), (TIME,))

    def sleep(self, r):
        """Always in mode 0: without a duration nothing could end another one, and what is said meanwhile is heard."""
        rest = r.choice((b" 1", b" 2", b" 2592000"))
        mode, rest = r.choice(((b"", rest), (b"0", rest), (b"", b""), (b"0", b""), (b"1", b""), (b"9", b""),
                               (b"99999999999999999999", b"")))
        return Command("sleep", self.line_of(r, b"SLEEP" + mode, rest), (b"0",))

    def write(self, r, key, value):
        names = value
        if isinstance(value, tuple):
            value = self.model.pem[value]
            lines = value.split(b"\n")
            if len(names) == 1 and r.random() < 0.4:
                eol = r.choice((b"\n", b"\r\n", b"\r"))
                return Command("conf", self.line_of(r, b"CONF", b" " + key + b"=pem") + eol.join(lines) + eol,
                               (key, names), 35)
        return Command("conf", self.line_of(r, b"CONF", b" " + key + b"=" + escape(value)), (key, names), 35)

    def topic(self, r, i=None, value=None):
        kind = r.random()
        if value is None:
            value = r.choice(TOPICS) if kind < 0.75 else r.choice(BAD_TOPICS) if kind < 0.85 else b"" if kind < 0.9 \
                else b"\xff" + r.randbytes(r.choice((5, 126, 127, 127, 128)))
        return self.write(r, b"Topic%d" % (i or r.choice((1, 1, 1, 2, 2, 3, 4, 9, 16))), value)

    def conf(self, r):
        key = r.choice((b"CustomName", b"Endpoint", b"Defender", b"SSID", b"Passphrase", b"QoS", b"Topic", b"Topic",
                        b"HOTAcertificate", b"RootCA"))
        if key == b"Topic":
            return self.topic(r)
        if key in CERTIFICATES:
            return self.write(r, key, r.choice(CERTIFICATES[key]))
        if key == b"QoS":
            return self.write(r, key, r.choice((b"0", b"1", b"1", b"1", b"2", b"", b"01")))
        if key == b"Defender":
            return self.write(r, key, r.choice((b"0", b"300", b"007", b"2592000", b"2592001", b"-1", b"x", b"")))
        if key == b"Endpoint":
            kind = r.random()
            return self.write(r, key, r.choice(self.good) if kind < 0.8 else b"localhost:%d" % self.closed
                              if kind < 0.9 else b"/" + r.randbytes(r.choice((0, 20, 127, 128))))
        return self.write(r, key, r.randbytes(r.choice((0, 1, 20, 32, 33, 64, 65, 128, 129, 1000))))

    def conf_query(self, r):
        key = r.choice((b"CustomName", b"Endpoint", b"Defender", b"SSID", b"QoS", b"HOTAcertificate", b"RootCA",
                        b"Topic1", b"Topic2", b"Topic16"))
        return self.read(r, key)

    def read(self, r, key):
        return Command("conf?", self.line_of(r, b"CONF?", b" " + key), (key,))

    def index(self, r, valid=None):
        """Mostly one that works."""
        good = [i for i, t in self.model.topics.items() if valid and valid(t)]
        return r.choice(good) if good and r.random() < 0.9 else r.randrange(1, MAX_TOPIC + 1)

    def send(self, r, i=None):
        i = i or self.index(r, is_name)
        kind = r.random()
        payload = b""
        if kind > 0.05:
            self.sequence += 1
            n = r.randrange(1, 60) if kind < 0.7 else r.randrange(60, 2300)
            payload = b"m%d:" % self.sequence
            payload += r.randbytes(n) if kind < 0.9 else bytes(r.choices(b"abc \\\r\n\0", k=n))
        number = b"%d" % i if r.random() < 0.95 else b"0%d" % i
        rest = b" " + escape(payload) if payload or r.random() < 0.5 else b""
        return Command("send", self.line_of(r, b"SEND" + number, rest), (i, payload), 20)

    def subscribe(self, r, i=None):
        i = i or self.index(r, is_filter)
        return Command("subscribe", self.line_of(r, b"SUBSCRIBE%d" % i), (i,), 20)

    def unsubscribe(self, r):
        i = self.index(r, is_filter)
        return Command("unsubscribe", self.line_of(r, b"UNSUBSCRIBE%d" % i), (i,), 20)

    def get(self, r):
        i = r.choice((None, None, 0, 1, 1, 2, 3, 4, 16, 17))
        return Command("get", self.line_of(r, b"GET%s" % (b"" if i is None else b"%d" % i)), (i,))

    def diagnosis(self, r):
        return r.choice((self.dns, self.ping, self.network, self.tls, self.tls, self.tls))(r)

    def any_command(self, r):
        return r.choices(*COMMANDS)[0](self, r)

    def dns(self, r):
        return Command("pattern", self.line_of(r, b"DIAG", b" DNS localhost"), (rb"OK[1-9] \d+ ms",), 15)

    def ping(self, r):
        # ERR17: who is not root may not always send echoes
        return Command("pattern", self.line_of(r, b"DIAG", b" PING 127.0.0.1"),
                       (rb"OK \d/\d 127\.0\.0\.1 .*|ERR17 MODE NOT AVAILABLE",), 10)

    def network(self, r):
        return Command("pattern", self.line_of(r, b"DIAG", b" NETWORK"), (rb"OK\d+",))

    def tls(self, r):
        return Command("tls", self.line_of(r, b"DIAG", b" TLS"), (), 25)


COMMANDS = list(zip(
    (Talk.fixed, 10), (Talk.event, 14), (Talk.connect_query, 6), (Talk.connect, 3), (Talk.disconnect, 0.7),
    (Talk.reset, 0.3), (Talk.factory, 0.3), (Talk.info, 4), (Talk.time_query, 2), (Talk.sleep, 1), (Talk.conf, 10),
    (Talk.conf_query, 8), (Talk.topic, 2), (Talk.send, 20), (Talk.subscribe, 5), (Talk.unsubscribe, 2),
    (Talk.get, 16)))
