"""The rules of the house that no compiler checks. Called by lint.sh: lint.py RULE FOLDER.

A violation is a line `file:line: what is wrong, and what to do instead`; with any, the exit status is 1.
"""

import os
import re
import statistics
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500

# ---------------------------------------------------------------------------------------------------------------------
# Files

NOT_OURS = {".git", "build", "__pycache__", ".pytest_cache", ".cache", "node_modules", "corpus"}


def files(root, folders=("",), endings=("",)):
    """Paths below root, relative, sorted, without what is built, downloaded or written by a run."""
    found = []
    for folder in folders:
        for where, below, names in os.walk(os.path.join(root, folder)):
            below[:] = [name for name in below if name not in NOT_OURS]
            found += [os.path.relpath(os.path.join(where, name), root) for name in names if name.endswith(endings)]
    return sorted(path for path in set(found) if not path.endswith((".log", ".out")))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


def sources(root):
    return files(root, ("src", "include"), (".c", ".h"))


# ---------------------------------------------------------------------------------------------------------------------
# C

COMMENT_OR_LITERAL = re.compile(
    r"""//(?:\\\n|[^\n])*            # a comment to the end of the line
      | /\*.*?(?:\*/|\Z)             # a comment over lines
      | "(?:\\.|[^"\\\n])*"          # a string
      | '(?:\\.|[^'\\\n])*'          # a character
    """,
    re.VERBOSE | re.DOTALL,
)


def blank(match):
    """The same number of lines; nothing of what stood there, except that a string stays a string."""
    text = match.group(0)
    lines = "\n" * text.count("\n")
    return '""' + lines if text[0] in "\"'" else " " + lines


def code(text):
    return COMMENT_OR_LITERAL.sub(blank, text)


def without_comments(text):
    return COMMENT_OR_LITERAL.sub(lambda m: m.group(0) if m.group(0)[0] in "\"'" else blank(m), text)


DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)


def functions(text):
    """(name, first line, number of lines from the name to the closing brace) of each function defined in text."""
    text = DIRECTIVE.sub(lambda m: "\n" * m.group(0).count("\n"), code(text))
    depth, start, since, found = 0, None, 0, []
    for at, char in enumerate(text):
        if char == "{":
            head = text[since:at]
            if depth == 0 and head.rstrip().endswith(")"):
                name = re.search(r"\b(?!__)(\w+)\s*\(", head)
                start = (name.group(1), text.count("\n", 0, since + name.start()) + 1) if name else None
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                if start:
                    found.append((*start, text.count("\n", 0, at) + 2 - start[1]))
                start, since = None, at + 1
        elif char == ";" and depth == 0:
            since = at + 1
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Layers

CORE = ("base", "profile", "login", "sqs", "pipeline")

MAY_INCLUDE = {
    "base": {"base"},
    "profile": {"base", "profile"},
    "login": {"base", "login"},
    "sqs": {"base", "sqs"},
    "pipeline": {*CORE},
    "net": {*CORE, "net"},
    "aws": {*CORE, "net", "aws"},
    "pg": {*CORE, "net", "pg"},
    "app": {*CORE, "net", "aws", "pg", "app"},
}

# (header, which files may include it, who that is)
OUTSIDE = [
    (r"jsmn\.h", r"src/base/json[^/]*\.c", "only src/base/json*.c: the header defines functions"),
    (r"(mbedtls|psa|openssl)/.*", r"src/base/crypto[^/]*\.c", "only src/base/crypto*.c"),
    (r"(uv\.h|uv/.*)", r"(src|include/loginetl)/(net|pg|aws|app)/.*", "only net, aws, pg and app"),
    (r"curl/.*", r"(src|include/loginetl)/net/.*", "only net"),
    (r"(libpq-fe\.h|libpq-events\.h|(.*/)?(libpq-fe|pg_config.*|postgres.*)\.h)", r"(src|include/loginetl)/pg/.*", "only pg"),
    (r"ini\.h", r"src/base/config[^/]*\.c", "only src/base/config*.c"),
    (
        r"(sys/(socket|epoll|select|poll|un|timerfd|eventfd)|poll|netdb|pthread|threads|signal)\.h",
        r"(src|include/loginetl)/(net|pg|aws|app)/.*",
        "the core has no socket, no loop and no thread",
    ),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.MULTILINE)


def layer_of(path):
    match = re.match(r"(?:src|include/loginetl)/(\w+)/", path)
    return match.group(1) if match else None


def included(path, quoted, name):
    """The path in the checkout that an include means, or the name as it stands when it is none of ours."""
    if name.startswith("loginetl/"):
        return os.path.normpath(os.path.join("include", name))
    return os.path.normpath(os.path.join(os.path.dirname(path), name)) if quoted else name


def check_layers(root):
    for path in sources(root):
        layer = layer_of(path)
        if layer not in MAY_INCLUDE:
            yield path, 1, "belongs to no layer: a folder under src or include/loginetl is one of " + ", ".join(MAY_INCLUDE)
            continue
        text = without_comments(read(root, path))
        for match in INCLUDE.finditer(text):
            name = match.group(1) or match.group(2)
            line = text.count("\n", 0, match.start()) + 1
            target = layer_of(included(path, match.group(2), name))
            if target and target not in MAY_INCLUDE[layer]:
                yield path, line, f"{layer} includes {name}: it may see only " + ", ".join(sorted(MAY_INCLUDE[layer]))
            for header, allowed, who in OUTSIDE:
                if re.fullmatch(header, name) and not re.fullmatch(allowed, path):
                    yield path, line, f"includes {name}: {who}"


# ---------------------------------------------------------------------------------------------------------------------
# Banned calls

BLOCKING = "blocks the loop"
OWN_ALLOCATOR = "use base/mem.h, where a test can make it fail"

# (names, where they are allowed all the same, why not)
BANNED = [
    (
        "PQexec PQexecParams PQexecPrepared PQprepare PQdescribePrepared PQdescribePortal PQfn "
        "PQconnectdb PQconnectdbParams PQsetdb PQsetdbLogin PQreset PQping PQpingParams PQcancel PQendcopy",
        None,
        BLOCKING + ": use the PQsend… or …Start form",
    ),
    (
        "PQresultErrorMessage PQresultVerboseErrorMessage",
        None,
        "the server's text quotes rows: log SQLSTATE",
    ),
    ("getaddrinfo", r"src/net/resolver\.c", BLOCKING + ": use net/resolver.h"),
    ("gethostbyname gethostbyaddr uv_getaddrinfo", None, BLOCKING + " or its end: use net/resolver.h"),
    ("curl_easy_perform curl_multi_wait curl_multi_poll", None, BLOCKING + ": use curl_multi_socket_action"),
    ("sleep usleep nanosleep clock_nanosleep", None, BLOCKING + ": arm a timer"),
    ("system popen fork vfork", None, "no second process"),
    ("strcpy stpcpy strcat strncpy strncat gets", None, "no bounds: use base/buf.h"),
    ("sprintf vsprintf", None, "no bounds: use snprintf or base/buf.h"),
    ("strtok", None, "hidden state: use spans"),
    ("atoi atol atoll atof", None, "no errors: use strtol with checks, or a span's parser"),
    ("rand srand random srandom rand_r drand48", None, "use base/rng.h, which a seed replays"),
    ("alloca", None, "unbounded stack"),
    ("localtime gmtime ctime asctime", None, "hidden state: use base/timefmt.h"),
    ("exit _exit _Exit quick_exit", r"src/app/.*", "only app ends the program"),
    (
        "malloc calloc realloc reallocarray aligned_alloc free strdup strndup asprintf vasprintf",
        r"src/base/mem\.c",
        OWN_ALLOCATOR,
    ),
    (
        "time clock gettimeofday clock_gettime timespec_get",
        r"src/(net|aws|pg|app)/.*",
        "the core takes the time as a parameter",
    ),
]

# A call; a struct's member of that name is another thing, and so is a variable, for some names are words as well.
CALL = r"(?<![\w.])(?<!->)(?:{})(?=\s*\()"
# The allocator's names handed on as pointers.
POINTER = r"(?<=[(,=&])\s*(?:malloc|calloc|realloc)(?=\s*[,);])|(?<=[=&])\s*free(?=\s*[,);])"


def check_banned(root):
    for path in sources(root):
        text = code(read(root, path))
        for names, allowed, why in BANNED:
            if allowed and re.fullmatch(allowed, path):
                continue
            either = "|".join(names.split())
            pattern = CALL.format(either)
            if re.match(r"PQ|curl_", names):
                pattern = rf"\b(?:{either})\b"
            elif why == OWN_ALLOCATOR:
                pattern += "|" + POINTER
            for match in re.finditer(pattern, text):
                line = text.count("\n", 0, match.end()) + 1
                yield path, line, f"{match.group(0).strip()}: {why}"


# ---------------------------------------------------------------------------------------------------------------------
# Length


def check_length(root):
    for path in sources(root):
        text = read(root, path)
        count = text.count("\n")
        if count > FILE_LINES_MAX:
            yield path, FILE_LINES_MAX + 1, f"{count} lines: a file has {FILE_LINES_MAX} at most"
        for name, line, lines in functions(text):
            if lines > FUNCTION_LINES_MAX:
                yield path, line, f"{name} has {lines} lines: a function has {FUNCTION_LINES_MAX} at most"


def print_figures(root):
    found = [(lines, name, path) for path in sources(root) for name, _, lines in functions(read(root, path))]
    if found:
        longest = max(found)
        median = statistics.median(lines for lines, _, _ in found)
        print(f"{len(found)} functions, median {median:g} lines; the longest has {longest[0]}: {longest[1]} in {longest[2]}")


# ---------------------------------------------------------------------------------------------------------------------
# Text

PRIVATE = [
    (r"(?<![\w.])/(?:work|root|home/\w+)/[\w.]", "a path of one machine"),
    (
        r"\b(?:registry|registry-1|repo|repo1|repository|mirrors?|artifactory|pypi|npm|deb|security|files|packages)"
        r"\.(?:[a-z0-9-]+\.)*(?:org|com|io|net|dev)\b",
        "the name of a package registry's host: the machine's own configuration knows it",
    ),
    (r"\b(?:docker|ghcr|quay)\.io\b", "the name of a registry's host"),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key: make one when it is needed"),
    (r"\bA(?:KIA|SIA)(?!IOSFODNN7EXAMPLE)[A-Z0-9]{16}\b", "an access key"),
]


def check_text(root):
    for path in files(root):
        text = read(root, path)
        if "\0" in text:
            if not path.endswith((".png", ".ico")):
                yield path, 1, "a binary file: it is made somewhere, so make it there"
            continue
        if not text:
            continue
        if not text.endswith("\n"):
            yield path, text.count("\n") + 1, "no newline at the end"
        for number, line in enumerate(text.split("\n"), 1):
            if line.endswith("\r"):
                yield path, number, "a carriage return at the line's end"
            elif line != line.rstrip():
                yield path, number, "white space at the line's end"
            if re.search(r"^(<{7}|>{7}) ", line):
                yield path, number, "left over from a merge"
            if "\t" in line and path.endswith((".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt")):
                yield path, number, "a tab: indent with spaces, write \\t in a string"
            for pattern, what in PRIVATE:
                if re.search(pattern, line):
                    yield path, number, what


CHECKS = {"layers": check_layers, "banned": check_banned, "length": check_length, "text": check_text}


def main():
    rule, root = sys.argv[1:]
    if rule == "figures":
        print_figures(root)
        return 0
    found = list(CHECKS[rule](root))
    for path, line, what in found:
        print(f"{path}:{line}: {what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
