"""Who reads which page: what the reader has before, and what is filled in where a page leaves it to the reader.

A journey is pages read one after the other on one machine: what the first leaves running, the next ones go on from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Reader:
    """What a reader of one page brings along.

    `before` are commands given first; `own` maps what a page leaves open to what this reader writes there (shell
    variables of `before` count); `meanwhile` are commands given before the first command that contains a text.
    """

    before: str = ""
    own: dict[str, str] = field(default_factory=dict)
    meanwhile: dict[str, str] = field(default_factory=dict)


NODE: Final = """
source .venv/bin/activate
anvil --block-time 1 --mixed-mining --slots-in-an-epoch 1 --accounts 20
"""
"""A local chain, in a window of its own."""

FUND: Final = """
fund() { cast send --rpc-url http://127.0.0.1:8545 --unlocked --from 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 \\
         --value 20ether "$(of $1)" > /dev/null; }
new() { sbi key new --keystore "$1.json" --password-file "$1.password" | tee "$1.address"; }
of() {
  [ -e "$1.address" ] || sbi key show --keystore "$1.json" --password-file "$1.password" > "$1.address"
  cat "$1.address"
}
record=$PROJECT/scripts/_deployments/31337.json
address() { python -c "import json; print(json.load(open('$record'))['contracts']['$1']['address'])"; }
"""

TOWN: Final = f"""
PROJECT=$PWD
source .venv/bin/activate
{FUND}
"""
"""The network that the tutorials leave, in a new terminal."""

DEPLOY: Final = "ape run deploy --network ethereum:local:http://127.0.0.1:8545 --account TEST::0 --recipe local --yes"

_README_NETWORK: Final = """
PROJECT=$PWD
for n in 0 1 2 3; do
  mkdir -p others/$n
  cp build/demo/oracle-$n/*.toml build/demo/oracle-$n/*key* others/$n
  sed -i '/^2 = /d' others/$n/oracle.toml
done
mkdir others/meter
cp build/demo/meter-1/*.toml build/demo/meter-1/*key* others/meter
cp build/demo/meter-0/*.toml build/demo/meter-0/*key* others/0/oracle.toml others/0/*key* .
sbi meter run --config others/meter/meter.toml 2> others/meter/log &
for n in 1 2 3; do
  sbi oracle bond --config others/$n/oracle.toml
  sbi oracle run --config others/$n/oracle.toml 2> others/$n/log &
done
sleep 60
"""
"""The other meter and the other three oracles, from the files that `make demo` left; one of each is the reader's."""

_KEEPER: Final = (
    FUND
    + """
mkdir keeper
new keeper/sending-key
fund keeper/sending-key
cat > keeper.toml <<END
[network]
rpc_url = "http://127.0.0.1:8545"
vault = "$(address vault)"

[sending]
keystore = "keeper/sending-key.json"
password_file = "keeper/sending-key.password"
END
"""
)

_KEEPER_FOR_A_WHILE: Final = """
fund sending-key
cat > keeper.toml <<END
network = {rpc_url = "http://127.0.0.1:8545", vault = "$(address vault)"}
sending = {keystore = "sending-key.json", password_file = "sending-key.password"}
END
sbi keeper run --config keeper.toml 2> keeper.log & echo $! > keeper.pid
until [ -e keeper-outbox.sqlite ]; do sleep 1; done
sleep 5
kill $(cat keeper.pid)
while kill -0 $(cat keeper.pid) 2> /dev/null; do sleep 1; done
"""

_OFFICE: Final = (
    TOWN
    + """
mkdir try/office && cd try/office
cp -r ../town-roll roll-2026-12
cp ../registrar/registrar-key.* .
echo account,region,identifier > register.csv
for n in a b c d; do new $n; echo "$(of $n),1,NATIONAL-ID:2027000$n" >> register.csv; done
new successor
a=$(of a) b=$(of b) c=$(of c) d=$(of d) successor=$(of successor)
printf '%s\\n' $b $d > accounts.txt
cat > chain.toml <<END
[network]
rpc_url = "http://127.0.0.1:8545"
citizens = "$(address citizens)"
END
"""
)

_RECOVERY: Final = """
index=$(sbi roll prove roll-2027-01 $d | python -c "import json, sys; print(json.load(sys.stdin)['index'])")
leaf="$(address citizens) 1 $index $d"
python $PROJECT/tests/docs/wallet.py succeed $leaf successor.json successor.password > succession
source ./succession
"""

_RELAYER: Final = """
mkdir relayer
new relayer/sending-key
fund relayer/sending-key
cat > relayer/relay.toml <<END
[network]
rpc_url = "http://127.0.0.1:8545"
token = "$(address token)"
citizens = "$(address citizens)"
[sending]
keystore = "sending-key.json"
password_file = "sending-key.password"
[http]
port = 8700
[fees]
payment = "0.01"
first_spend = "0.05"
permit = "0.02"
END
sbi relay run --config relayer/relay.toml 2> relayer/log &
until curl -sf http://127.0.0.1:8700/v1/terms > terms.json; do sleep 1; done
balance() {
  cast call --rpc-url http://127.0.0.1:8545 $(address token) "balanceOf(address)(uint256)" $1 | cut -d' ' -f1
}
until [ "$(python -c "print($(balance $a) > 6 * 10**18)")" = True ]; do sleep 2; done
cp a.json mine.json; cp a.password mine.password
paid="$(address token) a.json a.password $c 5000000000000000000"
python $PROJECT/tests/docs/wallet.py pay http://127.0.0.1:8700 $paid > wallet
source ./wallet
"""

_METER: Final = (
    TOWN
    + """
cd try
kill $(cat meter-2/pid)
while kill -0 $(cat meter-2/pid) 2> /dev/null; do sleep 1; done
cd meter-2
"""
)

_CITIZENS: Final = f"""
{NODE}
PROJECT=$PWD
{FUND}
new registrar-key
sed -e "s/0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc/$(of registrar-key)/" \\
    -e "s/voting_period_s: 8 /voting_period_s: 900 /" scripts/_recipes/local.yaml > recipe.yaml
{DEPLOY.replace("--recipe local", "--recipe recipe.yaml")}
fund registrar-key
for n in citizen sending-key third; do new $n; done
fund sending-key
cat > people.csv <<END
account,region,identifier
$(of citizen),1,NATIONAL-ID:20270001
$(of sending-key),1,NATIONAL-ID:20270002
$(of third),1,NATIONAL-ID:20270003
0x976EA74026E726554dB657fA54763abd0C3a0aa9,1,NATIONAL-ID:20270004
0x14dC79964da2C08b23698B3D3cc7Ca32193d9955,1,NATIONAL-ID:20270005
0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f,1,NATIONAL-ID:20270006
END
sbi roll new-key roll.key
sbi roll commit people.csv --key roll.key --out citizens.csv
sbi roll build citizens.csv --out people
cat > registrar.toml <<END
[network]
rpc_url = "http://127.0.0.1:8545"
citizens = "$(address citizens)"
[sending]
keystore = "registrar-key.json"
password_file = "registrar-key.password"
END
sbi roll enrol people
tail -n +2 people.csv | cut -d, -f1 > accounts.txt
sbi roll activate people --from-file accounts.txt
sleep 6
"""
"""Six citizens whose votes are ripe, with time to vote; three of them are Anvil's accounts 6 to 8."""

_OTHERS_VOTE: Final = """
sleep 3
cat > vote.py <<END
[assembly.vote("half-rate.toml", "for", sender=accounts.test_accounts[number]) for number in (6, 7, 8)]
END
ape console --network ethereum:local:http://127.0.0.1:8545 < vote.py
"""

_VOTE_ENDS: Final = """
cast rpc --rpc-url http://127.0.0.1:8545 evm_increaseTime 900
sleep 2
"""

_TIMELOCK_ENDS: Final = """
cast rpc --rpc-url http://127.0.0.1:8545 evm_increaseTime 60
sleep 2
"""

_ANOTHER_PROPOSAL: Final = """
sed 's/Half the rate/Half the rate, again,/' half-rate.toml > another.toml
"""

_RECORDED: Final = """
source .venv/bin/activate
echo epoch,facility,raw_general,raw_intelligent,raw_super > readings.csv
for epoch in $(seq 0 30); do echo "$epoch,0,1000000,0,0" >> readings.csv; done
"""

JOURNEYS: Final[dict[str, dict[str, Reader]]] = {
    "first-epoch": {"docs/tutorials/first-epoch.md": Reader()},
    "readme": {
        "README.md": Reader(
            own={"--recipe local": "--recipe local --yes"},
            meanwhile={"sbi meter check": _README_NETWORK, "sbi keeper run": _KEEPER},
        ),
    },
    "deploying": {
        # Nobody has bonded there, which wants somebody's attention: status 3.
        "docs/deploying.md": Reader(before=NODE, own={"--verify": "--verify || [ $? = 3 ]"}),
    },
    "operators": {
        "docs/operators.md": Reader(
            before=f"{NODE}\n{DEPLOY}\nPROJECT=$PWD\n{FUND}",
            own={
                "/opt/sbi": "$HOME/sbi",
                'vault = "0x…"': 'vault = "$(address vault)"',
                'token = "0x…"': 'token = "$(address token)"',
                'citizens = "0x…"': 'citizens = "$(address citizens)"',
                'collector = "0x…"': 'collector = "$(of sending-key)"',
            },
            meanwhile={
                "sbi outbox show": _KEEPER_FOR_A_WHILE,
                "sbi relay check": "new relay-key\nfund relay-key",
            },
        ),
    },
    "town": {
        "docs/tutorials/oracle.md": Reader(),
        "docs/tutorials/facility.md": Reader(),
        "docs/tutorials/town.md": Reader(),
        "docs/tutorials/build.md": Reader(),
        "docs/console.md": Reader(
            before=TOWN + "\ncitizen=$(of try/citizens/1)\n"
            "issued=$(cast logs --rpc-url http://127.0.0.1:8545 --address $(address vault) --json"
            " | python -c \"import json, sys; print(json.load(sys.stdin)[-1]['transactionHash'])\")",
            own={'balanceOf("0x…")': 'balanceOf("$citizen")', 'why("0x…")': 'why("$citizen")', '"0x…"': '"$issued"'},
        ),
        "docs/explorer.md": Reader(before=TOWN, own={":8746": ":8610"}),
        "docs/citizens.md": Reader(
            before=_OFFICE,
            own={
                "https://relay.example": "http://127.0.0.1:8700",
                'citizens = "0x…"': 'citizens = "$(address citizens)"',
                "0xAccount…": "$a",
                "0xYourAccount": "$a",
                "0xAccount": "$c",
                "0xLost": "$d",
                "0xNew": "$successor",
                "--signature 0x…": "--signature $succession",
                "'http://127.0.0.1:8700/v1/quotes?from=$a'": '"http://127.0.0.1:8700/v1/quotes?from=$a"',
                "0xToken": "$(address token)",
                "0xPayee": "$c",
                '"quote": "…"': '"quote": "$quote"',
                '"value": "…"': '"value": "$fee"',
                '"1800000000"': '"$until"',
                '"validBefore": "1800003600", "nonce": "0x…", "signature": "0x…"': '"validBefore": "$fee_until", '
                '"nonce": "$fee_nonce", "signature": "$fee_signature"',
                '"nonce": "0x…"': '"nonce": "$nonce"',
                '"signature": "0x…"': '"signature": "$signature"',
            },
            meanwhile={"# and, when it is due": "sleep 65", "sbi roll recover": _RECOVERY, "/v1/quotes": _RELAYER},
        ),
        "docs/meters.md": Reader(before=_METER),
    },
    "governance": {
        "docs/governance.md": Reader(
            before=_CITIZENS,
            own={
                '["0x…", "@oracles", 40]': '["$(address policy)", "@oracles", 90]',
                '"half-rate.toml"': '"another.toml"',
                'accounts.load("me")': "accounts.test_accounts[6]",
            },
            meanwhile={
                "sbi govern sign": "sleep 2",
                "sbi govern vote": _OTHERS_VOTE,
                "sbi govern queue": _VOTE_ENDS,
                "sbi govern execute": f"{_TIMELOCK_ENDS}\n{_ANOTHER_PROPOSAL}",
            },
        ),
    },
    "simulation": {"docs/simulation.md": Reader(before=_RECORDED)},
}

ONLINE: Final = frozenset({"operators"})
"""Journeys that install packages from a registry."""

ELSEWHERE: Final[dict[str, str]] = {"make test": ".ci/run"}
"""Commands that are run elsewhere, by where they are."""

OPTIONAL: Final = frozenset({"promtool"})
"""Programs that are not the project's: their commands are passed over, and said to be, where they are not installed."""

PASSED_OVER: Final[dict[str, str]] = {
    "useradd": "adds a user to the machine",
    "install": "writes into the machine's /etc",
    "systemctl": "wants systemd at work, and changes what it runs",
    "journalctl": "wants systemd at work",
    "docker": "wants a container daemon",
}
"""Programs that no test can run, and why; what they are given is checked by tests/oracles/test_deploy.py."""
