# SPDX-License-Identifier: Apache-2.0
"""Man pages from what the programs say of themselves: `--help`, `seyir help`, `seyir schema`.

usage: make_man.py OUTPUT-DIR SEYIR SEYIR-AGENT SEYIR-COLLECTOR
Writes seyir.1, seyir-agent.8, seyir-collector.8, seyir-agent.yaml.5, seyir-collector.yaml.5. What no
program says (purpose in prose, signals, files) stands in the *.8.in files beside this one. The pages
depend on nothing but their sources: no date, no path of this machine.
"""
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LICENCE = '.\\" SPDX-License-Identifier: Apache-2.0\n.\\" Made by make_man.py.\n'


def roff(text):
    """Text as troff prints it unchanged: no escape, no control line, - as typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("^", "\\(ha")
    text = text.replace("~", "\\(ti")
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def marked(text):
    """roff() with `words` in bold instead of backquotes."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return roff(text)
    return "".join(f"\\fB{roff(p)}\\fR" if i % 2 else roff(p) for i, p in enumerate(parts))


def output_of(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def title(name, section, manual):
    return f'{LICENCE}.TH {name.upper()} {section} "" "Seyir" "{manual}"\n'


def paragraphs(text):
    """Prose as .PP, indented blocks as they are."""
    out = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.split("\n")
        if all(line.startswith("  ") for line in lines):
            out.append(".PP\n.RS 4\n.nf\n" + "\n".join(roff(line[2:]) for line in lines) + "\n.fi\n.RE\n")
        else:
            out.append(".PP\n" + "\n".join(marked(line.strip()) for line in lines) + "\n")
    return "".join(out)


def options(text):
    """`  --name VALUE   help` lines as a tagged list."""
    out = []
    for line in text.splitlines():
        match = re.match(r"  (--[a-z-]+)((?: [A-Z][A-Z,]*)?)\s+(.*)$", line)
        assert match, f"not an option line: {line!r}"
        name, value, help_text = match.groups()
        tag = f"\\fB{roff(name)}\\fR" + (f" \\fI{roff(value.strip())}\\fR" if value else "")
        out.append(f".TP\n{tag}\n{marked(help_text)}\n")
    return "".join(out)


def section(text, heading):
    """The indented lines under `heading:`."""
    match = re.search(rf"^{re.escape(heading)}:\n((?:  .*\n)+)", text, re.M)
    return match.group(1) if match else ""


def seyir_page(seyir):
    overview = output_of(seyir, "help")
    commands = re.findall(r"^  ([a-z]+)\b", section(overview, "commands"), re.M)
    out = [title("seyir", 1, "User commands"), ".SH NAME\nseyir \\- asks a Seyir collector, and looks after its configuration\n",
           ".SH SYNOPSIS\n.B seyir\n.RI [ OPTIONS ]\n.I COMMAND\n.RI [ ARGUMENTS ]\n", ".SH COMMANDS\n"]
    for command in commands:
        text = output_of(seyir, "help", command)
        usage = re.match(r"usage: seyir (.*)\n", text).group(1)
        body = text.split("\n\n", 1)[1].split("\noptions of every command:")[0]
        prose = body.split("\noptions:\n")[0]
        out.append(f".SS {roff(usage)}\n{paragraphs(prose)}")
        out.append(options(section(body, "options")))
    out.append(".SH OPTIONS OF EVERY COMMAND\n" + options(section(overview, "options of every command")))
    status = re.search(r"^exit status: (.*)$", overview, re.M).group(1)
    out.append(".SH EXIT STATUS\n")
    for number, meaning in re.findall(r"(\d+) ([^,]+(?:\([^)]*\))?)(?:, |$)", status):
        out.append(f".TP\n.B {number}\n{marked(meaning)}\n")
    out.append(".SH ENVIRONMENT\n.TP\n.BR SEYIR_SERVER \", \" SEYIR_TOKEN \", \" SEYIR_CA\n"
               "Stand in for the options of those names.\n.TP\n.B NO_COLOR\nNo colours.\n")
    out.append(".SH SEE ALSO\n.BR seyir\\-agent (8),\n.BR seyir\\-collector (8),\n"
               ".BR seyir\\-agent.yaml (5),\n.BR seyir\\-collector.yaml (5)\n")
    return "".join(out)


def program_page(name, program):
    """The prose of NAME.8.in with the purpose and the options of `--help`."""
    text = output_of(program, "--help")
    purpose = re.match(r"\S+ \S+: (.*)\n", text).group(1)
    usage = re.search(r"^Usage: \S+ (.*)$", text, re.M).group(1)
    lines = re.search(r"^((?:  --.*\n)+)", text, re.M).group(1)
    page = (HERE / f"{name}.8.in").read_text().split("\n", 1)[1]
    for key, value in {"@PURPOSE@": roff(purpose), "@USAGE@": roff(usage), "@OPTIONS@\n": options(lines)}.items():
        assert key in page, key
        page = page.replace(key, value)
    return title(name, 8, "System administration") + page


# --- configuration, from its JSON Schema ----------------------------------------------------------

def shape(schema):
    """The variant that matters: the object or the list among alternatives."""
    for alternative in schema.get("anyOf", []):
        if alternative.get("type") in ("object", "array") or "enum" in alternative:
            return {**alternative, "description": schema.get("description", alternative.get("description", "")),
                    **{k: schema[k] for k in ("default",) if k in schema}}
    return schema


def facts(schema):
    known = shape(schema)
    out = []
    if "enum" in known:
        out.append("One of " + ", ".join(f"`{value}`" for value in known["enum"]) + ".")
    if "default" in schema:
        out.append(f"Default: {schema['default']}.")
    return " ".join(out)


def keys(schema, prefix):
    out = []
    for name, field in schema.get("properties", {}).items():
        if "const" in field or not field.get("description"):
            continue
        known = shape(field)
        inner = known if "properties" in known else known.get("items", {})
        tag = f"\\fB{roff(prefix + name)}\\fR"
        required = " Required." if name in schema.get("required", []) else ""
        words = " ".join(filter(None, [field["description"] + required, facts(field)]))
        out.append(f".TP\n{tag}\n{marked(words)}\n")
        if "properties" in inner and prefix.count(".") < 6:
            out.append(keys(inner, prefix + name + "."))
    return "".join(out)


def types_of(field):
    more = field.get("additionalProperties")
    return [t for t in more.get("oneOf", []) if "type" in t.get("properties", {})] if isinstance(more, dict) else []


def config_page(seyir, program):
    schema = json.loads(output_of(seyir, "schema", program))
    name = f"seyir-{program}.yaml"
    mapped = {key: types_of(field) for key, field in schema["properties"].items() if types_of(field)}
    plain = {**schema, "properties": {k: v for k, v in schema["properties"].items() if k not in mapped}}
    out = [title(name, 5, "File formats"), f".SH NAME\n{roff(name)} \\- configuration of seyir\\-{program}\n",
           f".SH DESCRIPTION\n{marked(schema['description'])}\n.PP\n"
           f"YAML; the program reads {roff(f'/etc/seyir/{program}.yaml')} as installed. An unknown key, a wrong value or a\n"
           "repeated key is an error with file, line, column and a hint. References in values: ${VAR},\n"
           "${VAR:\\-default}, ${file:/path}, ${credential:name}; $$ is one $. Check it with\n"
           ".BR \"seyir validate\" .\n.SH KEYS\n", keys(plain, "")]
    for key, types in mapped.items():
        out.append(f".SH {roff(key.upper())}\n{marked(schema['properties'][key].get('description', ''))}\n")
        for kind in types:
            type_key = kind["properties"]["type"]  # `null` may be written bare, so it is an enum
            type_name = type_key.get("const") or type_key["enum"][0]
            out.append(f".SS {roff(key)}: type {roff(type_name)}\n{marked(kind['description'])}\n{keys(kind, '')}")
    out.append(f".SH FILES\n.I {roff(f'/etc/seyir/{program}.yaml')}\n"
               f".SH SEE ALSO\n.BR seyir\\-{program} (8),\n.BR seyir (1)\n")
    return re.sub(r"\n{2,}", "\n", "".join(out))


def pages(seyir, agent, collector):
    return {
        "seyir.1": seyir_page(seyir),
        "seyir-agent.8": program_page("seyir-agent", agent),
        "seyir-collector.8": program_page("seyir-collector", collector),
        "seyir-agent.yaml.5": config_page(seyir, "agent"),
        "seyir-collector.yaml.5": config_page(seyir, "collector"),
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(*sys.argv[2:5]).items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
