#!/usr/bin/env python3
"""Compares the messages in the sources with awf-troubleshooting(7).

usage: messages.py list | missing | stale [PAGE]

list: every message, with what makes it one that a user is not left alone with. missing: those with nothing.
stale: what the page or the table of this file explains and no source says.

A message is a text that is given to a function below, or returned as the reason why a value is refused; or a finding
of awfctl doctor that something is wrong, without a command that mends it. It is good when, in this order,

  page    an item of the page matches it
  advice  it says what to do: names an option, a key, a command, or begins a part with a word such as "give"
  rule    it says what a value has to be: "must be", "larger than %d bytes", "did you mean"
  host    it ends with what the system said, and the page has that text
  value   it is about one value that the message names, and the page says for its file how that is written
  reviewed  it is in REVIEWED, with the reason why nobody can do anything about it
"""
import glob
import re
import sys

PAGE = "man/awf-troubleshooting.7"
SOURCES = ["awfctl", "awfd", "common", "containers", "proto"]

# Functions that make a message, and of which kind. err_wrap puts a context before one.
CALLS = {
    "err_set": "text", "err_engine": "text", "err_difc": "text", "log_error": "text", "log_warning": "text",
    "exec_call_stop": "text", "err_system": "host", "err_invalid": "value", "usage_error": "value",
    "yaml_refuse": "value", "yaml_refuse_line": "value", "refuse": "value",
}

# Sources of reasons why a value is refused, and the item of the page that says how it is written.
VALUES = {
    "awfctl/config-file.c": "--config: FILE:LINE: REASON",
    "awfctl/env-file.c": "--env-file: FILE:LINE: REASON",
    "awfctl/ruleset.c": "--ruleset-file: FILE:LINE: REASON",
    "awfctl/yaml-reader.c": "--config: FILE:LINE: REASON",
    "awfd/difc-address.c": "--difc-proxy-host 'ADDRESS': REASON",
    "awfd/difc-ca.c": "--difc-proxy-ca-cert 'FILE': REASON",
    "awfd/domain.c": "--allow-domains 'DOMAIN': REASON",
    "awfd/egress.c": "--allow-domains 'DOMAIN': REASON",
    "awfd/host-ports.c": "--allow-host-ports 'PORTS': REASON",
    "awfd/image-reference.c": "--agent-image 'IMAGE': REASON",
    "awfd/image-tar.c": "--from 'FILE': REASON",
    "awfd/mount-source.c": "--mount 'SRC:DST': REASON",
    "awfd/mount-spec.c": "--mount 'SRC:DST': REASON",
    "awfd/predownload.c": "--from 'FILE': REASON",
    "awfd/resolvers.c": "--dns-servers 'ADDRESS': REASON",
    "awfd/upstream-proxy.c": "--upstream-proxy 'URL': REASON",
    "awfd/conn.c": "message: REASON",
    "awfd/method-sandbox.c": "message: REASON",
    "awfd/methods.c": "message: REASON",
    "awfd/sandbox-request.c": "message: REASON",
    "awfd/sandbox-attach.c": "message: REASON",
    "awfd/sandbox-lease.c": "message: REASON",
    "awfd/sandbox-images.c": "--pull 'WHEN': REASON",
    "awfd/sandbox-name.c": "--name 'NAME': REASON",
    "proto/json-fields.c": "message: REASON",
    "proto/frame-parser.c": "message: REASON",
    "awfd/sandbox-state.c": "cannot use the state of sandbox ID: REASON",
    "containers/agent/clone.c": "gh: REASON is not permitted",
    "containers/gh/arguments.c": "gh: REASON is not permitted",
    "containers/cli-proxy/exec-request.c": "gh: REASON is not permitted",
    "containers/cli-proxy/gh-argv.c": "gh: REASON is not permitted",
    "containers/cli-proxy/gh-env.c": "gh: REASON is not permitted",
    "containers/cli-proxy/gh-rules.c": "gh: REASON is not permitted",
    "containers/cli-proxy/gh-trouble.c": "gh: REASON is not permitted",
}

# Sources of reasons why a sandbox ended.
ENDINGS = ["awfd/sandbox.c", "awfd/sandbox-adopt.c", "awfd/sandbox-agent.c", "awfd/sandbox-bridge.c",
           "awfd/sandbox-relay.c"]

# What the system says behind a message of err_system, each with an item of the page.
SYSTEM = ["No space left on device", "Too many open files", "Cannot allocate memory", "Permission denied",
          "Operation not permitted", "No such file or directory", "Read-only file system", "Connection refused"]

# Messages that no rule is about, each with why its reader needs no advice.
REVIEWED = {
    "%s: cannot start the YAML parser": "only without memory",
    "%s: the upstream is no address": "awfd resolved it before, and passes addresses only",
    "'%s' is no name of a bridge": "awfd makes the names of its bridges",
    "'%s' is no name of an interface": "awfd makes the names of its interfaces",
    "cannot watch ": "only without memory or descriptors",
    "no event": "only without memory",
    "flow on %s without a port": "awfd makes the flows, each with its port",
}

ADVICE = re.compile(
    r"--[a-z]|(^|[ '])-[eR] [A-Z]|[A-Z][A-Za-z]+=|\[[A-Z][a-z]+\]|awfd\.conf|"
    r"\b(sudo|systemctl|journalctl|docker|getent|systemd-sysusers|sysctl|awfctl) |"
    r"(^|[:;,(] |, or |; or | and )(give|use|write|name|set|start|stop|try|trying|remove|send|let|choose|take|leave|"
    r"save|quote|copy|run|make|go|grant|see|change|begin|is another)\b")
RULE = re.compile(
    r"\b(must|has to|have to|may be|may have|may|needs?|expected|takes?|did you mean|goes after|is missing|are written|"
    r"is written)\b|\b(larger|longer|more|shorter) than\b|\bnot between\b|\btoo (many|long|large)\b|is empty|"
    r"only .* (allowed|supported)|of which|is not here")

LITERAL = r'"(?:[^"\\\n]|\\.)*"'
TEXT = rf"(?:[A-Z_0-9]+\s+)?{LITERAL}(?:\s*(?:[A-Za-z_][A-Za-z_0-9]*\s*)?{LITERAL})*"
ARGUMENTS = rf"""\((?:[^()"']|{LITERAL}|'(?:[^'\\]|\\.)'|\((?:[^()"']|{LITERAL}|'(?:[^'\\]|\\.)'|\([^()]*\))*\))*\)"""
CALL = re.compile(rf"\b({'|'.join(CALLS)})({ARGUMENTS})")
FINDING = re.compile(rf"\bfindings_add({ARGUMENTS})")
NO_CURE = re.compile(r"FINDING_(?:WARNING|FAILURE)[^,]*,\s*NULL,")
REASON = re.compile(rf"(?:\breturn|\bwhy =|\breason =)\s+(?:x(?:asprintf|strdup)\(|[^;\n\"]*\? )?({TEXT})")


def sources():
    return [path for folder in SOURCES for path in sorted(glob.glob(f"{folder}/**/*.c", recursive=True))]


def joined(text):
    """A literal in pieces, with macros between them, as one; conversions and macros are %s."""
    pieces = re.findall(rf"{LITERAL}|[A-Za-z_]\w*", text)
    whole = "".join(p[1:-1] if p.startswith('"') else "%s" for p in pieces)
    whole = whole.replace("%%s", "%s").replace('\\"', '"').replace("\\n", " ")
    return re.sub(r"%[-0-9.*]*[hljzt]*[a-z]", "%s", whole)


def is_prose(message):
    return " " in message.strip() and re.search("[a-z]{2}", message.replace("%s", ""))


def format_of(function, arguments):
    """A call's format: behind field, value and operation the last text, else the first; or either of two."""
    plain, chosen = [], []
    for text in re.finditer(TEXT, arguments):
        choice = re.search(r"[?:]\s*$", arguments[:text.start()])
        (chosen if choice else plain).append(joined(text[0]))
    last = function in ("err_invalid", "err_engine", "err_difc")
    plain = plain[-1:] if last else plain[:1]
    return plain if plain and plain != ["%s"] else chosen


def messages_of(path):
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    for call in CALL.finditer(text):
        for message in filter(is_prose, format_of(call[1], call[2])):
            yield CALLS[call[1]], message
    for call in filter(lambda found: NO_CURE.search(found[1]), FINDING.finditer(text)):
        for message in filter(is_prose, format_of("findings_add", call[1])):
            yield "text", message
    if path in VALUES or path in ENDINGS:
        for reason in filter(is_prose, (joined(reason[1]) for reason in REASON.finditer(text))):
            yield "text" if path in ENDINGS else "value", reason


def messages():
    found = {}
    for path in sources():
        for kind, message in messages_of(path):
            found.setdefault((path, message), kind)
    return found


def items(page):
    with open(page, encoding="utf-8") as file:
        return [re.sub(r'^"|"$', "", line.strip()[4:]).replace("\\&", "").replace("\\-", "-").replace("\\(dq", '"')
                for line in file if line.startswith(".It ")]


def joined_source(path):
    with open(path, encoding="utf-8") as file:
        return re.sub(r'"\s*\n\s*"', "", file.read())


VALUE_OR_MORE = r"\b[A-Z][A-Z_]*\b|\.\.\."

# Words in capitals that are no values.
KNOWN = {"CA", "DIFC", "GET", "HTTP", "JSON", "NUL", "OWNER", "REPO", "UTF"}


def pattern(item):
    """An item as a pattern: words in capitals are values, and so is what an ellipsis stands for."""
    parts = re.split(f"({VALUE_OR_MORE})", item)
    return re.compile("".join(re.escape(p) if i % 2 == 0 or p in KNOWN else ".*" for i, p in enumerate(parts)), re.S)


def judge(path, kind, message, page):
    if any(p.fullmatch(message) for p in page["patterns"]):
        return "page"
    if ADVICE.search(message):
        return "advice"
    if RULE.search(message):
        return "rule"
    if kind == "host":
        return "host"
    if kind == "value" and VALUES.get(path) in page["items"]:
        return "value"
    return "reviewed" if message in REVIEWED else None


def read_page(path):
    texts = items(path)
    return {"items": texts, "patterns": [pattern(t) for t in texts]}


def missing(page):
    found = messages()
    lines = [f"{path}: {message}" for (path, message), kind in found.items() if not judge(path, kind, message, page)]
    return lines + [f"what the system says: {text}" for text in SYSTEM if text not in page["items"]]


def stale(page):
    found = messages()
    everything = "".join(joined_source(path) for path in sources())
    lines = []
    for text in REVIEWED:
        if not any(m == text for _, m in found):
            lines.append(f"in the table: {text}")
    for text in page["items"]:
        # Some are put together of parts: the beginning is in one of them.
        begin = re.split(rf"(?!DIFC\b)(?:{VALUE_OR_MORE})", text)[0]
        used = text in SYSTEM or text in VALUES.values() or len(begin) > 8 and begin in everything
        if not used and not any(pattern(text).fullmatch(m) for _, m in found):
            lines.append(f"in the page: {text}")
    return lines


def main():
    action, page = sys.argv[1], read_page(sys.argv[2] if len(sys.argv) > 2 else PAGE)
    if action == "list":
        for (path, message), kind in sorted(messages().items()):
            print(judge(path, kind, message, page), path, message, sep="\t")
        return 0
    lines = {"missing": missing, "stale": stale}[action](page)
    print(*lines, sep="\n", end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
