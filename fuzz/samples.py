"""Input that is right, or nearly: what the fuzzers begin with and change."""

from __future__ import annotations

from fuzz.targets import KNOWN_COMMANDS, ROWS_MAPPING

_COMMANDS = (
    b'{"type":"RegisterCompany","data":{"company_uuid":"c-1","name":"Acme"},"command_id":"x"}',
    b'{"type":"DepositToAccount","data":{"account_uuid":"a-1","amount":"12.50","text":"\\ud83d"}}',
    b'{"type":"CycleSystem","data":{"new_date":"2028-02-29"},"author":"me"}',
    (
        b'{"type":"GrantBalances","data":{"grant_uuid":"g","sources":[{"from_type":"asset",'
        b'"from_uuid":"s"}],"destinations":[{"to_company_account_uuid":"a","to_company_uuid":"c",'
        b'"amount":"1.00"}]}}'
    ),
    (
        b'{"type":"CreateDeal","data":{"deal_uuid":"d","product_line":4,"rating_tier":"A",'
        b'"parties":[{"company_uuid":"c","role":"borrower"}]}}'
    ),
    *(b'{"type":"%s","data":{}}' % name.encode() for name in KNOWN_COMMANDS),
)

_CONFIGURATION = b"""
data = "~/ledger"
[log]
level = "info"
[endpoint]
socket = ""
host = "127.0.0.1"
port = 8420
token = "0123456789abcdef"
request_timeout = 30.0
[journal]
max_batch = 512
[cycler]
enabled = true
time_zone = "America/Los_Angeles"
"""

_MAPPING = b"""
[[preamble]]
type = "RegisterCompany"
command_id = "b:company"
data = { company_uuid = "b" }
[[file]]
name = "rows.csv"
delimiter = ";"
quote = "'"
encoding = "cp1250"
header = ["when", "amount"]
command = "RecordBankStatementLine"
id = "when"
[file.fields]
booked_on = { column = "when", date = "%d.%m.%Y" }
amount = { column = "amount", amount = { decimal = ",", group = "." } }
text = { columns = ["when", "amount"], join = ", ", optional = true }
direction = { column = "when", values = { CR = "in", DB = "out" } }
"""

SAMPLES: dict[str, tuple[bytes, ...]] = {
    "command": _COMMANDS,
    "lines": (b"5one\ntwo\r\n\n\nthree", b"\x01" + b"x" * 70 + b"\n{}\n" + b" " * 65),
    "query": (
        b"after=1&up_to=9&types=Deal*,AccountOpened&stream=account-*&limit=5&follow=true",
        b"as_of=12",
    ),
    "action": (
        b'{"action":"ask","message":{"$message":"WaitFor","event_id":3},"timeout":1.5}',
        b'{"action":"tell","message":{"type":"RegisterCompany","data":{}}}',
        b'{"action":"ask","message":{"$message":"RecordedEvent","id":1,"stream":"s"}}',
    ),
    "json_lines": (b"\n".join(_COMMANDS[:5]) + b"\n", b"\xef\xbb\xbf" + _COMMANDS[0]),
    "mapping": (
        _MAPPING + b"\x00" + b"01.02.1993;'1.234,50'\n",
        ROWS_MAPPING.encode() + b'\x00when,amount,text,id\n01.02.1993,"-1,00",x,7\n',
    ),
    "rows": (b'01.02.1993,"-1.234,50","a ""b""",7\n', b"1.1.1993,5,,8\r\n\r\n,,,\n"),
    "configuration": (_CONFIGURATION,),
}

FAILED_ONCE: tuple[tuple[str, bytes], ...] = (
    ("action", b'{"\xffaction":"ask"}'),
    ("action", b'{"action":"tell","message":' + b"[" * 100_000),
    ("query", b"limit=" + b"9" * 30),
    ("query", b"as_of=" + b"9" * 5_000),
    ("json_lines", b'{"type":"A","data":{"a":' + b"[" * 2_000),
    ("mapping", b"a = " + b"9" * 5_000),
    ("mapping", b"a = " + b"[" * 5_000),
    ("mapping", _MAPPING.replace(b"cp1250", b"undefined")),
    ("mapping", _MAPPING.replace(b"cp1250", b"a\\u0000b")),
    ("mapping", _MAPPING.replace(b'quote = "\'"', b'quote = ";"') + b"\x00a;b\n"),
    ("configuration", b"a = " + b"9" * 5_000),
    ("configuration", b"a = " + b"[" * 5_000),
    ("configuration", b'data = "~nobody-at-all/x"'),
    ("configuration", b'data = "a\\u0000b"'),
    ("configuration", b'[endpoint]\nsocket = "~nobody-at-all/x"'),
    ("configuration", b"[command]\ntimeout = 1e300"),
)
"""A target and what it fell over; each is mended."""
