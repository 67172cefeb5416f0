#!/usr/bin/env python3
"""Reads the files in man/examples/ as those do who run them, and prints their commands, one a line.

usage: examples.py actions | nomad | pod | exec

actions: the shell text of each step of the workflow, as JSON. nomad: the task's arguments, as JSON. pod: the
arguments for `docker run` that make the DaemonSet's pod, as JSON. exec: its command and that of its readiness
probe, as JSON.
"""
import json
import re
import sys

import yaml

TOKEN = re.compile(r'\s+|#[^\n]*|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<number>\d+(?:\.\d+)?)|'
                   r"(?P<word>[A-Za-z_][\w-]*)|(?P<sign>[{}\[\]=,])")


def tokens(text):
    """The words and signs of HCL that a job is written with; comments and space are left out, lines are not."""
    at, found = 0, []
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise SyntaxError(f"line {text.count(chr(10), 0, at) + 1}: {text[at:at + 20]!r}")
        if match.lastgroup:
            found.append((match.lastgroup, match[0]))
        at = match.end()
    return found


class Hcl:
    """HCL as far as jobs use it: blocks with labels, and attributes that are texts, numbers, words or lists."""

    def __init__(self, text):
        self.rest = tokens(text)

    def take(self, *kinds):
        kind, value = self.rest.pop(0)
        if kind not in kinds and value not in kinds:
            raise SyntaxError(f"{value!r} where one of {kinds} is expected")
        return value

    def is_next(self, value):
        return bool(self.rest) and self.rest[0][1] == value

    def value(self):
        if not self.is_next("["):
            text = self.take("string", "number", "word")
            return json.loads(text) if text[0] == '"' or text[0].isdigit() else text
        self.take("[")
        values = []
        while not self.is_next("]"):
            values.append(self.value())
            if not self.is_next("]"):
                self.take(",")
        self.take("]")
        return values

    def body(self):
        block = {}
        while self.rest and not self.is_next("}"):
            name = self.take("word")
            if self.is_next("="):
                self.take("=")
                block[name] = self.value()
                continue
            while not self.is_next("{"):
                name += " " + json.loads(self.take("string"))
            self.take("{")
            block[name] = self.body()
            self.take("}")
        return block


def read(path, parse):
    with open(f"man/examples/{path}", encoding="utf-8") as file:
        return parse(file.read())


def actions():
    workflow = read("github-actions.yml", yaml.safe_load)
    [job] = workflow["jobs"].values()
    assert "runs-on" in job and True in workflow  # "on" is a truth value for YAML 1.1
    assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    return [step["run"] for step in job["steps"] if "run" in step]


def nomad():
    parser = Hcl(read("nomad.hcl", str))
    task = parser.body()["job agent"]["group agent"]["task fetch"]
    assert not parser.rest and task["driver"] == "raw_exec" and task["user"]
    return [task["config"]["command"], *task["config"]["args"]]


def template():
    workload = read("kubernetes.yaml", yaml.safe_load)
    spec = workload["spec"]
    assert workload["kind"] == "DaemonSet"
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    [container] = spec["template"]["spec"]["containers"]
    return spec["template"]["spec"], container


def pod():
    spec, container = template()
    who, rights = spec["securityContext"], container["securityContext"]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"]}
    arguments = ["--user", f"{who['runAsUser']}:{who['runAsGroup']}", "--network", "none"]
    for group in who["supplementalGroups"]:
        arguments += ["--group-add", str(group)]
    for mount in container["volumeMounts"]:
        mode = "ro" if mount.get("readOnly") else "rw"
        arguments += ["--volume", f"{paths[mount['name']]}:{mount['mountPath']}:{mode}"]
    if rights["readOnlyRootFilesystem"]:
        arguments += ["--read-only"]
    if not rights["allowPrivilegeEscalation"]:
        arguments += ["--security-opt", "no-new-privileges"]
    return arguments + [f"--cap-drop={capability}" for capability in rights["capabilities"]["drop"]]


def executed():
    _, container = template()
    return [container["command"], container["readinessProbe"]["exec"]["command"]]


if __name__ == "__main__":
    print(json.dumps({"actions": actions, "nomad": nomad, "pod": pod, "exec": executed}[sys.argv[1]]()))
