"""Runs the Autobahn suite's fuzzing client against an echo server and counts what came of it.

For the Python that setup.sh has installed the suite for:

    DEST/bin/python run.py ws://127.0.0.1:9001 -o DIR --except '12.*' --except '13.*'

CASE is a case or a pattern: 9.3.1, '9.*'. With --unix PATH the suite connects to that Unix socket,
and the URL is what it asks for there. With --trust FILE it speaks TLS to a wss: URL if the server has that
certificate, or one that is vouched for by it. DIR gets a folder of reports for each process of the
suite: index.html, index.json, a page for each case, and wstest.log.

A case passes if the suite says OK of both what the server did and how it closed; the suite itself
says INFORMATIONAL of three cases, and of these only that passes. All else is printed and fails:
NON-STRICT; UNIMPLEMENTED, which 12.* and 13.* are where the server has not agreed to
permessage-deflate; and a case that did not run.

The exit status is 0 if every case passed, 1 if one did not, 2 if it was called wrongly.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

from autobahntestsuite.case import Cases

# The suite as a program. It knows of TCP alone: with a path as its first argument, where it connects to
# an address it is given that Unix socket instead. And it trusts whoever speaks TLS: with a file of PEM as its
# second argument, only who is vouched for by what is in there.
PROGRAM = '''
import sys
from twisted.internet import reactor, ssl
path, trusted = sys.argv.pop(1), sys.argv.pop(1)
if path:
    def connect(host, port, factory, timeout=30, bindAddress=None):
        return reactor.connectUNIX(path, factory, timeout)
    reactor.connectTCP = connect
if trusted:
    with open(trusted, 'rb') as file:
        authorities = ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(file.read())])
    connect_trusting_all = reactor.connectSSL
    def connect(host, port, factory, contextFactory, timeout=30, bindAddress=None):
        options = ssl.optionsForClientTLS(host, authorities)
        return connect_trusting_all(host, port, factory, options, timeout, bindAddress)
    reactor.connectSSL = connect
from autobahntestsuite.wstest import run
run()
'''

# What the server does in these is left to it: whether it answers what came just before a close,
# and whether it takes a close code that nobody may use yet.
INFORMATIONAL = ('7.1.6', '7.13.1', '7.13.2')


def main():
    arguments = parse()
    cases = choose(arguments.case or ['*'], arguments.exception)
    results = {}
    # Among 1.* to 10.* are those that watch the clock, and none takes long: they have the machine
    # for themselves. The others only take long.
    watching = [case for case in cases if not compresses(case)]
    groups = collections.defaultdict(list)
    for case in cases:
        if compresses(case):
            groups[case.rpartition('.')[0]].append(case)
    if watching:
        results |= run('1-10', watching, arguments)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for result in pool.map(lambda name: run(name, groups[name], arguments), groups):
            results |= result
    sys.exit(count(cases, results))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('url')
    parser.add_argument('case', nargs='*', help='default: all')
    parser.add_argument('-x', '--except', dest='exception', metavar='CASE', action='append', default=[])
    parser.add_argument('-o', '--out', metavar='DIR', type=pathlib.Path, required=True)
    parser.add_argument('-j', '--jobs', metavar='N', type=int, default=os.cpu_count(),
                        help='how many of 12.* and 13.* run at the same time; default: one for each core')
    parser.add_argument('-u', '--unix', metavar='PATH', default='', help='a Unix socket to connect to')
    parser.add_argument('-t', '--trust', metavar='FILE', default='', help='whom to trust within TLS: PEM')
    return parser.parse_intermixed_args()


def choose(wanted, unwanted):
    """All cases that one of `wanted` matches, in the suite's order, but those of `unwanted`."""
    names = [case.__name__.removeprefix('Case').replace('_', '.') for case in Cases]
    for pattern in wanted + unwanted:
        if not any(fnmatchcase(name, pattern) for name in names):
            print(f'run.py: there is no case {pattern}', file=sys.stderr)
            sys.exit(2)

    def is_one_of(name, patterns):
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    chosen = [name for name in names if is_one_of(name, wanted) and not is_one_of(name, unwanted)]
    if not chosen:
        print('run.py: no case is left to run', file=sys.stderr)
        sys.exit(2)
    return chosen


def compresses(case):
    return case.startswith(('12.', '13.'))


def run(name, cases, arguments):
    """What the suite says of these cases, by case, from one process of it."""
    start = time.monotonic()
    out = arguments.out / name
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob('index.*'), *out.glob('server_case_*')]:
        old.unlink()
    spec = {'outdir': str(out), 'servers': [{'agent': 'server', 'url': arguments.url}],
            'cases': cases, 'exclude-cases': [], 'exclude-agent-cases': {}}
    (out / 'spec.json').write_text(json.dumps(spec, indent=1))
    command = [sys.executable, '-c', PROGRAM, arguments.unix, arguments.trust,
               '-m', 'fuzzingclient', '-s', str(out / 'spec.json')]
    with open(out / 'wstest.log', 'w') as log:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
    index = out / 'index.json'
    results = json.loads(index.read_text()).get('server', {}) if index.exists() else {}
    for result in results.values():
        result['report'] = out / result['reportfile']
    if status != 0 or not results:
        print(f'{name}: the suite ended with {status}, see {out}/wstest.log', flush=True)
    print(f'{name}: {len(results)} cases in {time.monotonic() - start:.0f} s', flush=True)
    return results


def count(cases, results):
    """Prints how many cases passed and which did not; the exit status."""
    counts, complaints = collections.Counter(), []
    for case in cases:
        result = results.get(case)
        verdict, complaint = judge(case, result)
        counts[verdict] += 1
        if complaint:
            complaints.append(f'{case}: {complaint}')
    print(f"{len(cases)} cases: {counts['OK']} OK, {counts['NON-STRICT']} NON-STRICT, "
          f"{counts['INFORMATIONAL']} INFORMATIONAL, {counts['FAILED']} FAILED")
    print(*complaints, sep='\n', end='\n' if complaints else '', flush=True)
    return 1 if complaints else 0


def judge(case, result):
    """What a case counts as, and what there is to say of it if it did not pass."""
    if result is None:
        return 'FAILED', 'did not run'
    said = result['behavior'], result['behaviorClose']
    expected = 'INFORMATIONAL' if case in INFORMATIONAL else 'OK'
    if said == (expected, expected):
        return expected, None
    report = json.loads(result['report'].read_text())
    verdict = 'NON-STRICT' if said == ('NON-STRICT', 'OK') else 'FAILED'
    return verdict, '{}, {} | close ({}): {}, {}'.format(
        said[0], report['result'], result['remoteCloseCode'], said[1], report['resultClose'])


if __name__ == '__main__':
    main()
