"""What manual pages say beside what the programs and schemas tell of themselves."""

import operations

SITE = "/etc/chimerax-sandbox/sandboxd.toml"
POLICIES = "/etc/chimerax-sandbox/policies/NAME.toml"
VENDOR = "/usr/share/chimerax-sandbox/policies/NAME.toml"
FILES = [
    (SITE, "The site's settings."),
    (POLICIES, "The admin's policies: what sessions are made of."),
    (VENDOR, "The vendor's, which count where the admin has none of that name; below the prefix that it was installed with."),
    ("/usr/share/chimerax-sandbox/sandboxd.toml", "All of the site's settings, commented out at their defaults: to be copied."),
    ("/etc/chimerax-sandbox/tenants/NAME.toml", "Tenants: which policies they may use, and how much of the host."),
    ("/run/chimerax-sandbox/api.sock", "Where the manager's HTTP API listens; the caller's user decides what it may."),
]
TOOLS = [("sandboxctl", 1), ("sandbox-policy", 5), ("sandboxd.toml", 5), ("chimerax-sandbox", 7), ("sandbox-launcher", 8), ("sandboxd", 8)]


def others(name):
    return [(other, section) for other, section in TOOLS if other != name]


LOG = [
    "It logs to stderr, a line a message, and to the journal where that is its stderr (JOURNAL_STREAM). Control characters of what a message quotes are "
    "shown as \\xNN: nothing that a tenant says makes a field or another line.",
    "Where systemd watches it (WATCHDOG_USEC), its event loop says itself that it runs, at half of that time, and no other thread does: one that hangs is found.",
]
FIELDS = [("SESSION", "The session's id, where a message is about one, for example for journalctl SESSION=ID."),
          ("TENANT", "The tenant, where a message is about one or about its session, and it is known, for example for journalctl TENANT=acme.")]


PAGES = {
    "sandboxctl": {
        "section": 1,
        "summary": "sandboxed ChimeraX sessions: make, use, look at and end them",
        "description": [
            "It talks to sandboxd over its HTTP API, by default over a unix socket, where the caller's user decides what it may do.",
            "An ID may be shortened to any start that no other session's id has. A time is a number with its unit, for example 500ms, 30s, 5m, 8h or 7d; a "
            "size, for example, is 512M or 6G.",
            "What writes a file writes into devices, pipes and /dev/stdout; a regular file, at the end of all links, is replaced once all of the new one is there, and "
            "keeps its owner, group and mode. Where its folder takes no other file, or it has several names, its own content is replaced.",
            "cp takes names of any bytes. With -r it follows links, as scp does; what cannot be copied is named, the rest is copied, and the exit status is 1.",
            "exec takes all words from the first of COMMAND on as the command's: its own options stand before.",
            "run shows what ChimeraX prints while the scripts run, and is never started again after a crash. Where ChimeraX ends by itself, the exit status is "
            "ChimeraX' own, or 128 and the number of its signal. What there is of --out is fetched after a failure too, unless the session has ended.",
        ],
        "lists": {
            '"EXIT STATUS"': [("0", "Done."), ("1", "It failed, or what was looked at is not as it should be."), ("2", "Wrong usage or bad input."),
                              ("3", "There is no such thing, or the session has ended."), ("4", "Refused: it is not the caller's."),
                              ("5", "No room: a quota, the host's capacity, or pressure on it."), ("6", "A deadline passed.")],
            "ENVIRONMENT": [("SANDBOX_HOST", "The API's address, where --host is not given."), ("SANDBOX_TOKEN_FILE", "The token's file, where --token-file is not given."),
                            ("NO_COLOR", "With any value: no colours.")],
            "FILES": FILES,
        },
        "examples": ["id=$(sandboxctl -o id create --tenant acme --wait)", "sandboxctl cp structure.pdb $id:", 'sandboxctl exec $id "open structure.pdb"',
                     "sandboxctl render $id picture.png", 'sandboxctl exec $id "save session.cxs"', "sandboxctl cp $id:session.cxs .", "sandboxctl stop $id", "",
                     "# picture.cxc: open x.pdb; save x.png", "sandboxctl run -t acme -p batch --in x.pdb --out x.png -- picture.cxc"],
        "see": others("sandboxctl"),
    },
    "sandboxd": {
        "section": 8,
        "summary": "manager of sandboxed ChimeraX sessions and their HTTP API",
        "description": [
            "The manager runs as an unprivileged user in a network namespace of its own, where the sessions' links end; sandbox-launcher --with-manager starts it "
            "there. It asks the launcher for sandboxes, and can make only those that the root-owned policies allow.",
            "It is given none of the launcher's environment, and no terminal to read from.",
            "SIGTERM ends all sessions in good order, unless on_stop is \"keep\". Sessions outlive a manager that is killed: the next one takes them over.",
            *LOG,
        ],
        "lists": {'"EXIT STATUS"': [("0", "It was told to stop."), ("1", "It failed: the log says why."), ("2", "Wrong usage or settings."),
                                    ("75", "It handed over: start it again.")], '"JOURNAL FIELDS"': FIELDS, "FILES": FILES},
        "see": others("sandboxd"),
    },
    "sandbox-launcher": {
        "section": 8,
        "summary": "makes and removes sandboxes for ChimeraX sessions",
        "description": [
            "The launcher runs as root. It reads policies and tenants itself, only where root alone can write them, and takes from the manager no path, mount, "
            "system call, user or command: a manager that is not to be trusted can start and end sandboxes that an admin allowed, and nothing else.",
            "Sessions outlive it: the next one lists what exists, and sweeps what nobody claims.",
            "How it is started makes no difference: signals that are ignored or blocked, closed descriptors, timers, the umask, the working folder, the "
            "priority, CPUs and environment of whoever starts it reach neither the manager nor a session. Soft limits go up to the hard ones, and those of "
            "file size, CPU time and memory are lifted; other hard limits that are too low are told of in its log, and by sandboxctl doctor. To keep sessions "
            "on some CPUs, use the cpuset of their slice.",
            *LOG,
        ],
        "lists": {'"EXIT STATUS"': [("0", "It was told to stop."), ("1", "It failed: the log says why."), ("2", "Wrong usage, settings or policy.")],
                  '"JOURNAL FIELDS"': FIELDS, "FILES": FILES},
        "see": others("sandbox-launcher"),
    },
    "sandbox-policy": {
        "section": 5,
        "summary": "what a sandboxed ChimeraX session is made of",
        "description": [
            f"Policies are {VENDOR}, the vendor's, and {POLICIES}, the admin's. The launcher takes a file only where root owns it and all folders above, and "
            "nobody else can write them.",
            "Of two of the same name the admin's counts, also where another policy extends that name; so do the seccomp profiles, which are in the folder seccomp "
            "of each. Only a policy that extends its own name means the one below it: the admin's default.toml may start from the vendor's. Any other way round "
            "is a circle, and refused. sandboxctl policy new NAME --extends BASE writes a file to begin with, sandboxctl policy ls says which layer each policy is of, "
            "and sandboxctl policy diff NAME in what the one that counts differs from the vendor's.",
            "sandboxctl policy check FILE tells what is wrong and where, sandboxctl policy show NAME --effective what comes out with all that it extends, and "
            "sandboxctl policy diff A B in what two policies differ. sandboxctl policy learn NAME runs a session whose system calls are counted, and "
            "writes a seccomp profile that allows no others: try it with all that your sessions do, as it knows no more than it saw.",
        ],
        "lists": {"FILES": FILES},
        "examples": ['extends = "default"', "", "[resources]", 'memory_max = "6G"', "cpus = 4", "", "[lifecycle]", 'end_after = "30m"'],
        "see": others("sandbox-policy"),
    },
    "sandboxd.toml": {
        "section": 5,
        "summary": "a site's settings of chimerax-sandbox",
        "description": [f"The settings of sandboxd and sandbox-launcher are in {SITE}, unless --config names another file. An empty file is a whole one; "
                        "/usr/share/chimerax-sandbox/sandboxd.toml has every key with its meaning, commented out at its default."],
        "lists": {"FILES": FILES},
        "see": others("sandboxd.toml"),
    },
    "chimerax-sandbox": {
        "section": 7,
        "summary": operations.SUMMARY,
        "description": [
            "chimerax-sandbox hosts many headless UCSF ChimeraX for tenants who do not trust each other. sandbox-launcher makes the sandboxes as root, sandboxd "
            "keeps the sessions and serves the API without any right, sandboxctl is the operator's tool. This page is for those who run a site.",
        ],
        "lists": {
            "FILES": [
                *FILES,
                ("/usr/share/chimerax-sandbox/policies", "The vendor's policies; one of the same name in /etc goes before."),
                ("/var/lib/chimerax-sandbox", "All that outlives a boot: the store, the audit trail and the logs of ended sessions in manager, the logs of live ones in logs."),
                ("/run/chimerax-sandbox", "Sockets, the gateway's network namespace, and the records of live sessions."),
            ],
        },
        "see": [*others("chimerax-sandbox"), ("systemd.resource-control", 5), ("journalctl", 1)],
    },
}
