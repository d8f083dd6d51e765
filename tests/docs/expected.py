"""What the commands of the pages do: exit status, last lines, and what a reader has ready; or why one cannot run here.

They run in this order, in one shell: `$id` is there from where the README makes it, and the client's example runs on what the manual has restored. The
page has the text; a Step finds it by its first line.
"""

import dataclasses

PAGES = ("README.md", "tools/client/chimerax_sandbox.py", "tools/monitoring/README.md", "CONTRIBUTING.md", "sandboxctl.1", "sandboxd.8", "sandbox-launcher.8",
         "sandbox-policy.5", "sandboxd.toml.5", "chimerax-sandbox.7")


@dataclasses.dataclass
class Step:
    page: str
    command: str  # its first line, as in the page
    prints: str = ""  # a regular expression of its last lines; nothing else may follow, and "" is no output at all
    statuses: tuple = (0,)
    values: dict = dataclasses.field(default_factory=dict)  # what stands for a word that the page leaves to its reader
    more: str = ""  # behind the command: sizes that fit a test
    within: str = ""  # a command around it, which gets it as one word in place of {}
    first: tuple = ()  # "stop" or "restart" of the launcher before
    given: str = ""  # shell commands of a reader's own before
    then: str = ""  # a shell command that succeeds where the effect is there
    stays: str = ""  # it does not end, and prints this when it is ready: the launcher
    file: str = ""  # where a program is written; without `within` another command runs it
    policy: str = ""  # the policy's file that a text in TOML is; without, it is sandboxd.toml
    timeout: float = 60
    cannot: str = ""
    cannot_without_controllers: str = ""


README, CLIENT, MONITORING, CONTRIBUTING, CTL, OPERATIONS = "README.md", "tools/client/chimerax_sandbox.py", "tools/monitoring/README.md", "CONTRIBUTING.md", "sandboxctl.1", \
    "chimerax-sandbox.7"
ID = {"ID": "$id"}
# No host of a test is booted by systemd but the suite vm's guest, and none has SELinux or AppArmor on.
SYSTEMD = "it needs a host that systemd booted"
SECURITY_MODULE = "it needs SELinux or AppArmor on; tests/package does the same to the files themselves"
# Of these programs any number may have the reason above.
NEED_SYSTEMD, NEED_SECURITY_MODULE = ("systemctl", "journalctl", "systemd-analyze"), ("ausearch", "semodule", "sed -i /typepermissive/d", "aa-enforce", "aa-complain")
TOTALS = r"[1-9]\d* passed, 0 failed, 0 skipped"
VERSION = r"UCSF ChimeraX version: .*\n.*"
HOLDS = r"^Session [a-z2-7]{16}: \d\d promises hold, 0 do not.*\nThe launcher itself was asked\."
ENDED = r"^[a-z2-7]{16} ended: deleted.*"
RAN = r"\A(.*\btook .*, fetched x\.png.*)?"
LEFT = r"Nothing is left over\.|^KIND +NAME\nlink +cx\d+"
TOKEN = r"^Token tok_\w+ is shown this once; it holds until .*"
STRUCTURE = ("ATOM      1  CA  ALA A   1       2.300   0.000   1.500  1.00  0.00           C\\n"
             "ATOM      2  CA  ALA A   2      -0.399   2.265   3.000  1.00  0.00           C\\nEND\\n")
# The certificate's authority is one that the host trusts, and the name leads to the host: both are a site's own matter.
CERTIFICATE = """
mkdir -p /etc/chimerax-sandbox/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=sandbox.example.org \
    -addext subjectAltName=DNS:sandbox.example.org -keyout /etc/chimerax-sandbox/tls/key.pem -out /etc/chimerax-sandbox/tls/fullchain.pem
chown root:chimerax-sandbox /etc/chimerax-sandbox/tls/key.pem
chmod 640 /etc/chimerax-sandbox/tls/key.pem
cat /etc/chimerax-sandbox/tls/fullchain.pem >> /etc/ssl/certs/ca-certificates.crt
echo 127.0.0.1 sandbox.example.org >> /etc/hosts
"""

STEPS = [
    Step(README, "./tools/demo", prints="^Launcher and manager have ended.\\ndemo: the pictures are in .*/build/demo", timeout=120,
         cannot_without_controllers="it starts a virtual machine; tests/vm/demo.test has the tour in one"),
    Step(README, "./tools/test", prints=TOTALS),
    Step(README, "./tools/test unit", prints="1 passed, 0 failed, 0 skipped"),
    Step(CONTRIBUTING, "tools/bench launch", more=" --rounds 2 --pause 1", prints=r"^\w+ +[\d.]+ +[\d.]+ +[\d.]+", timeout=120),
    Step(CONTRIBUTING, "tools/bench sample", more=" --sessions 20 --seconds 1", prints=r"longest slice +[\d.]+ ms, a tenth of the sessions"),
    *[Step(README, command, cannot="the suite package does it, in a guest") for command in ("tools/package deb", "apt install ./build/packages/deb/*.deb")],
    Step(README, "tools/package rpm", cannot="it builds all anew, which takes minutes"),
    Step(README, "systemctl enable --now chimerax-sandbox.target", cannot=SYSTEMD),
    Step(README, "./tools/setup build"),
    Step(README, "meson setup build && ninja -C build", prints="ninja: no work to do.", timeout=120),
    Step(README, "meson install -C build", prints=r"Installing .*", timeout=120),

    Step(README, "getent passwd chimerax-sandbox || useradd --system --no-create-home --shell /usr/sbin/nologin chimerax-sandbox",
         prints=r"\A(chimerax-sandbox:.*)?", then="getent passwd chimerax-sandbox"),
    Step(README, "mkdir -p /etc/chimerax-sandbox && cp -n /usr/local/share/chimerax-sandbox/sandboxd.toml /etc/chimerax-sandbox/"),
    Step(README, "sandboxctl tenant new acme --policy default --policy strict --policy batch",
         prints=r"^/etc/chimerax-sandbox/tenants/acme\.toml is written: .*"),
    Step(README, "sandboxctl doctor", statuses=(1,), prints=r"^FAILED +API +.* cannot be reached.*\n +cure: .*"),
    Step(README, "sandbox-launcher --with-manager", stays="connected to the launcher"),
    Step(README, "id=$(sandboxctl -o id create --tenant acme)", then="[[ $id =~ ^[a-z2-7]{16}$ ]]"),
    Step(README, "sandboxctl exec $id version", prints=VERSION),
    Step(README, 'sandboxctl exec $id "save /work/picture.png"'),
    Step(README, "sandboxctl cp $id:/work/picture.png .", then="head -c 4 picture.png | grep -q PNG"),
    Step(README, "sandboxctl ls", prints=r"^ID .*\n.*acme.*ready.*"),
    Step(README, "sandboxctl verify $id", prints=HOLDS),
    Step(README, "sandboxctl stop $id", prints=ENDED, then="sandboxctl wait -s ended $id"),

    Step(README, "sandboxctl attach ID", given="id=$(sandboxctl -o id create --tenant acme --wait)", values=ID, within="echo version | eval {}", prints=VERSION),
    Step(README, "sandboxctl top", prints="^[a-z2-7]{16} .* acme .*"),
    Step(README, "sandboxctl run -t acme -p batch --in x.pdb --out x.png -- script.cxc",
         given=f"printf '{STRUCTURE}' | tee x.pdb > structure.pdb; printf 'open x.pdb\\nsave x.png\\n' > script.cxc", prints=RAN, then="head -c 4 x.png | grep -q PNG"),
    Step(README, "sandboxctl admin reload", given="sed -i 's/^#cpus = .*/cpus = 6/' /etc/chimerax-sandbox/tenants/acme.toml", prints="^.*acme.*"),
    Step(README, "man sandboxctl", within="MANPAGER=cat eval {}", prints=r"^chimerax-sandbox .*SANDBOXCTL\(1\)"),
    Step(README, "man sandbox-policy", within="MANPAGER=cat eval {}", prints=r"^chimerax-sandbox .*SANDBOX-POLICY\(5\)"),
    Step(README, "man chimerax-sandbox", within="MANPAGER=cat eval {}", prints=r"^chimerax-sandbox .*CHIMERAX-SANDBOX\(7\)"),

    Step(README, "import chimerax_sandbox as sandbox", file="job.py"),
    Step(README, "PYTHONPATH=tools/client python3 job.py", prints=r"deleted [\d.]+|deleted None"),

    *[Step(OPERATIONS, command, cannot=SYSTEMD) for command in (
        "systemctl enable --now chimerax-sandbox.target", "systemctl stop chimerax-sandbox.target",
        "systemctl stop chimerax-sandbox.target chimerax-sandboxd chimerax-sandbox-launcher", "systemctl restart chimerax-sandbox-launcher",
        "systemctl restart chimerax-sandboxd", "systemctl reload chimerax-sandboxd", "systemctl daemon-reload", "systemctl restart chimerax-sandbox.target",
        "systemctl edit chimerax.slice",
        "systemctl set-property chimerax.slice MemoryMax=96G", "systemctl set-property chimerax-acme.slice MemoryMax=32G",
        "systemctl set-property --runtime chimerax-acme.slice AllowedCPUs=0-7",
        "systemctl start chimerax-sandbox.target", "systemctl reboot", "journalctl -u chimerax-sandboxd -u chimerax-sandbox-launcher",
        "journalctl SESSION=ID", "journalctl TENANT=acme -p warning", "systemd-analyze security chimerax-sandboxd chimerax-sandbox-launcher",
        "journalctl -k -g apparmor=.ALLOWED")],
    *[Step(OPERATIONS, command, cannot=SECURITY_MODULE) for command in (
        "ausearch -m AVC -ts today", "semodule --cil -E chimerax_sandbox", "sed -i /typepermissive/d chimerax_sandbox.cil",
        "semodule -X 500 -i chimerax_sandbox.cil", "semodule -X 500 -r chimerax_sandbox", "aa-enforce /etc/apparmor.d/chimerax-sandbox",
        "aa-complain /etc/apparmor.d/chimerax-sandbox")],

    Step(OPERATIONS, 'listen_tcp = ["0.0.0.0:8600"]', given=CERTIFICATE),
    Step(OPERATIONS, "(umask 077; sandboxctl token new --tenant acme --ttl 30d > acme.token)", prints=TOKEN, then="[[ $(stat -c %a acme.token) == 600 ]]"),
    Step(OPERATIONS, "sandboxctl --host https://sandbox.example.org:8600 --token-file acme.token ls", prints="^ID .*"),
    Step(OPERATIONS, "source <(sandboxctl completion bash)", then="complete -p sandboxctl"),
    Step(OPERATIONS, "sandboxctl completion fish | source", within="""fish --no-config -c {}"; complete -C 'sandboxctl polic'" """, prints="^policy\t.*"),
    Step(OPERATIONS, "sandboxctl token new --role admin", prints=rf"{TOKEN}(\n[\w-]{{40,}})?"),
    Step(OPERATIONS, "ssh -L 8080:127.0.0.1:8080 HOST", cannot="it needs another machine"),

    Step(OPERATIONS, "sandboxctl doctor", statuses=(0, 1), prints=".*"),
    Step(OPERATIONS, "sandboxctl top --once", given="id=$(sandboxctl -o id create --tenant acme --wait)", prints="^[a-z2-7]{16} .* acme .*"),
    Step(OPERATIONS, "sandboxctl inspect ID", values=ID, prints=r"^ +recorded +[\d.]+ ms"),
    Step(OPERATIONS, "sandboxctl policy new big --extends default", prints="^/etc/chimerax-sandbox/policies/big.toml is written: .*"),
    Step(OPERATIONS, "sed -i '0,/^#memory_max.*/s//memory_max = \"6G\"/' /etc/chimerax-sandbox/policies/big.toml"),
    Step(OPERATIONS, "sandboxctl policy check /etc/chimerax-sandbox/policies/big.toml", prints=r"big.toml: good \(policy, .*"),
    Step(OPERATIONS, "sandboxctl policy plan big --tenant acme", prints=r"\}",
         given="""sed -i 's/^policies = .*/policies = ["default", "strict", "batch", "big"]/' /etc/chimerax-sandbox/tenants/acme.toml"""),
    Step(OPERATIONS, "sandboxctl policy diff default big", statuses=(1,), prints=r"^resources\.memory_max .*6G.*"),
    Step(OPERATIONS, "sandboxctl admin reload", prints=r"^policies added: big.*\ntenants changed: acme"),
    Step(OPERATIONS, "sandboxctl policy learn big --tenant acme script.cxc", statuses=(0, 1), prints=r"^\w+ +(\d+|-) +(\d+|-)", timeout=120),  # the table of calls
    Step(OPERATIONS, "sandboxctl tenant new NAME --policy strict", values={"NAME": "globex"}, prints=r"^/etc/chimerax-sandbox/tenants/globex\.toml is written: .*"),
    Step(OPERATIONS, "sandboxctl policy ls", prints=r"^big +admin .*\ndefault +vendor .*\nstrict +vendor .*"),
    Step(OPERATIONS, "sandboxctl policy show NAME --effective", values={"NAME": "strict"}, prints=r"^environment = \[\]"),
    Step(OPERATIONS, "sandboxctl policy schema", prints=r"^\}"),
    Step(OPERATIONS, "sandboxctl policy new strict --extends strict", prints="^/etc/chimerax-sandbox/policies/strict.toml is written: .*"),
    Step(OPERATIONS, "sandboxctl policy diff strict", given="sed -i 's/^#nofile = .*/nofile = 99/' /etc/chimerax-sandbox/policies/strict.toml", statuses=(1,),
         prints=r"^resources\.nofile +1024 +99"),

    Step(OPERATIONS, "[admission]"),
    Step(OPERATIONS, "sandboxctl admin handover", given="id=$(sandboxctl -o id create --tenant acme --wait)", prints="The next manager has the sessions.",
         then="sandboxctl status $id"),
    # The session in which a manager asked ChimeraX for its version may still be on its way out, and its link at the kernel.
    Step(OPERATIONS, "sandboxctl gc --dry-run", given="timeout 30 sh -c 'until sandboxctl gc --dry-run | grep -q Nothing; do sleep 0.2; done'", prints=LEFT),
    Step(OPERATIONS, "sandboxctl gc", prints=LEFT),
    Step(OPERATIONS, "grep \"$(python3 -c 'import hmac, sys; print(hmac.new(", given='sandboxctl cp structure.pdb $id: && sandboxctl exec $id "open structure.pdb"',
         prints=r'^(.*\.jsonl:)?\{.*"action":"command".*"command_hashes":.*\}'),
    Step(OPERATIONS, "sandboxctl verify ID", values=ID, prints=HOLDS),
    Step(OPERATIONS, "sandboxctl top", prints="^[a-z2-7]{16} .* acme .*"),
    Step(OPERATIONS, "sandboxctl tenant usage NAME", values={"NAME": "acme"}, prints=r"^total +[1-9].*"),
    Step(OPERATIONS, "sandboxctl debug ID", values=ID, prints=r"chimerax-sandbox-[a-z2-7]{16}\.tar\.gz", then="tar -tf chimerax-sandbox-$id.tar.gz"),
    Step(OPERATIONS, "sandboxctl logs ID", given="sandboxctl stop $id", values=ID, prints=r"^.+"),
    Step(OPERATIONS, "sandboxctl status ID", values=ID, statuses=(3,), prints=r"^.+",
         then="sandboxctl status $id | grep deleted && sandboxctl status $id | grep -i log"),
    Step(OPERATIONS, "[logs]"),

    Step(OPERATIONS, "usermod -aG chimerax-sandbox-admin alice", given="groupadd -f chimerax-sandbox-admin; id alice || useradd --no-create-home alice",
         then="id -nG alice | grep -w chimerax-sandbox-admin"),
    Step(OPERATIONS, "sandboxctl token new --tenant acme --name backend --ttl 30d", prints=rf"{TOKEN}(\n[\w-]{{40,}})?"),
    Step(OPERATIONS, "sandboxctl token ls", prints=r"^tok_\w+ .*", then="sandboxctl token ls | grep backend"),
    Step(OPERATIONS, "sandboxctl admin drain --wait", given="for one in $(sandboxctl ls -q); do sandboxctl stop $one; done",
         prints="No new sessions are taken; 0 live."),
    Step(OPERATIONS, "sandboxctl admin drain --undo", prints="New sessions are taken again."),
    Step(OPERATIONS, "sandboxctl admin backup /root/chimerax-sandbox.tar", prints=r"/root/chimerax-sandbox.tar has [\d.]+K\.",
         then="[[ $(stat -c %a /root/chimerax-sandbox.tar) == 600 ]]"),
    Step(OPERATIONS, "mkdir -m 700 /root/restored", first=("stop",)),
    Step(OPERATIONS, "tar -xf /root/chimerax-sandbox.tar -C /root/restored --no-same-owner"),
    Step(OPERATIONS, "mkdir -p /etc/chimerax-sandbox", given="rm -r /etc/chimerax-sandbox /var/lib/chimerax-sandbox"),
    Step(OPERATIONS, "install -m 644 /root/restored/sandboxd.toml /etc/chimerax-sandbox/"),
    Step(OPERATIONS, "chmod -R u=rwX,go=rX /root/restored/*/"),
    Step(OPERATIONS, "cp -r --preserve=mode /root/restored/*/ /etc/chimerax-sandbox/"),
    Step(OPERATIONS, "install -d -m 700 -o chimerax-sandbox -g chimerax-sandbox /var/lib/chimerax-sandbox/manager"),
    Step(OPERATIONS, "install -m 600 -o chimerax-sandbox -g chimerax-sandbox /root/restored/sessions.db /var/lib/chimerax-sandbox/manager/"),
    Step(OPERATIONS, "rm -f /var/lib/chimerax-sandbox/manager/sessions.db-wal /var/lib/chimerax-sandbox/manager/sessions.db-shm"),
    Step(OPERATIONS, "rm -r /root/restored"),

    Step(CLIENT, "from chimerax_sandbox import Session", first=("restart",), file="session.py", within="PYTHONPATH=tools/client sh -c {}",
         given="sandboxctl token ls | grep acme", then="head -c 4 picture.png | grep -q PNG"),

    Step(MONITORING, "sandboxctl token new --role monitor --name prometheus --ttl 365d > /etc/prometheus/sandboxd.token", prints=TOKEN, given="mkdir -p /etc/prometheus"),
    Step(MONITORING, "chown prometheus: /etc/prometheus/sandboxd.token && chmod 400 /etc/prometheus/sandboxd.token",
         given="getent passwd prometheus || useradd --system prometheus"),
    Step(MONITORING, "promtool test rules alerts_test.yml", within="(cd tools/monitoring && eval {})", prints="SUCCESS"),

    Step(CONTRIBUTING, "tools/setup build"),
    Step(CONTRIBUTING, "meson setup build -Dtests=true", prints='run "meson configure" instead.|Found ninja.*'),
    Step(CONTRIBUTING, "ninja -C build", prints="ninja: no work to do."),
    Step(CONTRIBUTING, "CXX=clang++-14 meson setup build-clang -Dtests=true",  # what npm fetches is there already
         given="rm -rf build-clang; mkdir -p build-clang/src/dashboard; cp -r build/src/dashboard/fetched build-clang/src/dashboard/ || true",
         prints="Found ninja.*", then="grep -q clang++-14 build-clang/build.ninja && ninja -n -C build-clang", timeout=120),
    Step(CONTRIBUTING, "tools/test", prints=TOTALS),
    Step(CONTRIBUTING, "tools/test unit vm", prints="2 passed, 0 failed, 0 skipped"),
    Step(CONTRIBUTING, "ninja -C build && build/tests/unit/base/base_test", prints=r"All tests passed .*"),
    Step(CONTRIBUTING, "SANDBOX_VM_TESTS='clock.test reset' tools/test vm", prints="1 passed, 0 failed, 0 skipped"),
    Step(CONTRIBUTING, "SANDBOX_VM_TESTS=churn.test SANDBOX_CHURN_SESSIONS=1000 SANDBOX_CHURN_KILLS=50 SANDBOX_VM_TIMEOUT=3600 "
         "SANDBOX_VM_TEST_TIMEOUT=3500 tools/test vm", prints="1 passed, 0 failed, 0 skipped"),
    Step(CONTRIBUTING, "tools/vm shell", cannot="a shell in a virtual machine waits for its user"),
    Step(CONTRIBUTING, "tools/vm run --share DIR -- COMMAND", cannot="the suite vm runs all its guests by it"),
    Step(CONTRIBUTING, "tools/vm build --fresh", cannot="it installs a Debian anew, from the network"),

    Step(CTL, "id=$(sandboxctl -o id create --tenant acme --wait)"),
    Step(CTL, "sandboxctl cp structure.pdb $id:"),
    Step(CTL, 'sandboxctl exec $id "open structure.pdb"', prints=r"\A(.*structure\.pdb.*)?"),
    Step(CTL, "sandboxctl render $id picture.png", given="rm -f picture.png", then="head -c 4 picture.png | grep -q PNG"),
    Step(CTL, 'sandboxctl exec $id "save session.cxs"', prints=r"\A(.*session\.cxs.*)?"),
    Step(CTL, "sandboxctl cp $id:session.cxs .", then="[[ -s session.cxs ]]"),
    Step(CTL, "sandboxctl stop $id", prints=ENDED),
    Step(CTL, "sandboxctl run -t acme -p batch --in x.pdb --out x.png -- picture.cxc", given="cp script.cxc picture.cxc; rm -f x.png", prints=RAN,
         then="head -c 4 x.png | grep -q PNG"),

    Step("sandbox-policy.5", 'extends = "default"', policy="/etc/chimerax-sandbox/policies/example.toml"),
]
