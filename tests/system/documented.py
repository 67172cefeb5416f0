#!/usr/bin/env python3
"""Prints the commands that README, CONTRIBUTING and the man pages tell to type, each once, as JSON: an array of texts.

A command is a line of an indented block, or of a literal display, or a short text in backquotes or .Ql that begins
with a program's name. A line that ends in a backslash or has an open quotation goes on in the next one. Blocks
that are no commands, such as configuration, begin with a line that is in OTHERS.
"""
import glob
import json
import re

PROGRAMS = ("awfctl", "awfd", "awf-relay", "make", "sudo", "systemctl", "journalctl", "docker", "varlinkctl", "jq", "id=",
            "gh", "kubectl", "systemd-tmpfiles", "systemd-socket-activate", "cat", "nft", "sysctl", "iptables", "tests/", "build/",
            "apt-get", "getent", "bats", "BED_NAME", "git")

# How blocks begin that are no commands: files of configuration, and the README's drawing.
OTHERS = ("[", "version:", "network:", "plugin ", "host  ", "┌", "{", "static ", "OPTION", "DEF", "METHOD")

INLINE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")


def blocks_of_markdown(text):
    found = re.findall(r"(?:^|\n\n)((?: {4}[^\n]*\n?)+)", text)
    return [re.sub(r"^ {4}", "", block, flags=re.M) for block in found]


def blocks_of_mdoc(text):
    blocks = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", text, flags=re.M | re.S)
    blocks += re.findall(r"^\.D[1l] (.*\n)", text, flags=re.M)
    return [plain(block) for block in blocks]


def plain(text):
    for escape, meaning in {"\\e": "\\", "\\-": "-", "\\(aq": "'", "\\(dq": '"', "\\&": ""}.items():
        text = text.replace(escape, meaning)
    return text


def inline(path, text):
    if path.endswith(".md"):
        without = re.sub(r"^ {4}.*", "", text, flags=re.M)
        return [re.sub(r"\s+", " ", span) for span in INLINE.findall(without)]
    return [plain(span).rstrip(" .,;:") for span in re.findall(r"^\.Ql (.*)", text, flags=re.M)]


def is_whole(command):
    text = re.sub(r"(^|\s)#.*", "", command)
    return not command.endswith("\\") and text.replace("\\'", "").count("'") % 2 == 0 and text.count('"') % 2 == 0


def commands_of(block):
    command = ""
    for line in block.splitlines():
        command += ("\n" if command else "") + line
        if is_whole(command):
            yield command.strip()
            command = ""
    assert not command, f"a command without end: {command}"


def without_comment(command):
    return re.sub(r"\s+# .*$", "", command)


def main():
    found = []
    for path in ["README.md", *glob.glob("CONTRIBUTING.md"), *sorted(glob.glob("man/*.[1-9]"))]:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for block in blocks_of_markdown(text) if path.endswith(".md") else blocks_of_mdoc(text):
            if not block.lstrip().startswith(OTHERS):
                found += [without_comment(command) for command in commands_of(block) if command]
        found += [span for span in inline(path, text) if re.match(rf"(?:{'|'.join(PROGRAMS)})[ _/a-z$]", span) and " " in span]
    print(json.dumps(list(dict.fromkeys(found)), indent=1))


main()
