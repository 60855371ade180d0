"""convert.py LIB: converts the suite in LIB, a folder of installed packages, for Python 3.

For setup.sh, which has let fissix convert the syntax before; this is what fissix cannot see.

The test cases keep Python 2's idea of a string: in them a `str` of code points 0-255 stands for
that many octets, literal for literal as upstream wrote it. (Their source is therefore read as
latin-1, so that "µ" in a UTF-8 source file is its two octets, as it was.) Octets become `bytes`
in one place, where the cases meet Autobahn|Python: the methods of FuzzingProtocol that send, and
its callbacks that receive.

An edit that does not find its text just as often as it says ends the conversion.
"""

import pathlib, re, sys

LIB = pathlib.Path(sys.argv[1])

class Source:
    """Text of a file under LIB; every edit must find its text exactly `n` times."""
    def __init__(self, name):
        self.path = LIB / name
        self.text = self.path.read_bytes().decode('latin-1').replace('\r\n', '\n')
    def __enter__(self):
        return self
    def __exit__(self, kind, *_):
        if kind is None:
            self.path.write_bytes(self.text.encode('latin-1'))
    def sub(self, old, new, n=1):
        found = self.text.count(old)
        if found != n:
            sys.exit('%s: %r found %d times, not %d' % (self.path, old, found, n))
        self.text = self.text.replace(old, new)

## Autobahn|Python 0.10.9 ######################################################

with Source('autobahn/websocket/protocol.py') as s:
    s.sub('range(payload_len / len(payload))', 'range(payload_len // len(payload))')
    # The pause between chops. It comes to about 0.05 ms, too short for a busy machine: a server
    # often reads several chops at once. 1 ms keeps them apart (9.5.* and 9.6.*, that send
    # 64,512 chops, stay as they are).
    s.sub('_QUEUED_WRITE_DELAY = 0.00001', '_QUEUED_WRITE_DELAY = 0.001')
    s.sub('txaio.call_later(WebSocketProtocol._QUEUED_WRITE_DELAY, ',
          'txaio.call_later(self._QUEUED_WRITE_DELAY, ')
for name in 'case9_5_1', 'case9_6_1':
    with Source('autobahntestsuite/case/%s.py' % name) as s:
        s.sub('      self.p.createWirelog = False\n',
              '      self.p.createWirelog = False\n      self.p._QUEUED_WRITE_DELAY = 0.00001\n')

with Source('autobahn/websocket/compress_deflate.py') as s:
    # zlib sees that a match reaches back beyond the window only if it reaches back beyond what
    # the same call has put out: 16 KiB at first in Python 2, more in Python 3.11. With 2**bits a
    # call, a server that goes beyond the agreed server_max_window_bits is noticed as soon as it
    # reaches back more than twice as far.
    s.sub('        return self._decompressor.decompress(data)\n', '''\
        size = 1 << (self.client_max_window_bits if self._isServer else self.server_max_window_bits)
        pieces = []
        while not pieces or data or len(pieces[-1]) == size:
            pieces.append(self._decompressor.decompress(data, size))
            data = self._decompressor.unconsumed_tail
        return b''.join(pieces)
''')

## The test cases ##############################################################

hexed = mixed = 0
for path in sorted((LIB / 'autobahntestsuite/case').glob('case*.py')):
    with Source(path) as s:
        s.text = re.sub(r'\A# coding=utf-8', '# coding=latin-1', s.text)
        # type("CaseX", (object, Case), ..) was for old-style classes
        mixed += s.text.count('(object, Case, ),')
        s.text = s.text.replace('(object, Case, ),', '(Case, ),')
        s.text, n = re.subn(r'binascii\.b2a_hex\(((?:Case6_\S+?\.)?PAYLOAD[^()]*|p\[1\])\)',
                            r'\1.encode("latin-1").hex()', s.text)
        hexed += n
if (mixed, hexed) != (6, 20):
    sys.exit('case/: unexpected numbers of edits: %r' % ((mixed, hexed),))

with Source('autobahntestsuite/case/case.py') as s:
    # what pickles alike is equal; but in Python 3 equal octets do not always pickle alike
    s.sub('pickle.dumps(obj1) == pickle.dumps(obj2)', 'obj1 == obj2')

with Source('autobahntestsuite/case/case6_x_x.py') as s:
    s.sub('v.validate(vss[:i])', 'v.validate(vss[:i].encode("latin-1"))')

with Source('autobahntestsuite/case/case7_5_1.py') as s:
    s.sub('binascii.b2a_hex(self.p.localCloseReason)', 'self.p.localCloseReason.hex()')

with Source('autobahntestsuite/case/case10_1_1.py') as s:
    s.sub('len(self.payload) / self.p', 'len(self.payload) // self.p')

with Source('autobahntestsuite/case/case12_x_x.py') as s:   # works on real octets and text
    s.sub("      msg = ''\n", "      msg = payload[:0]\n")
    s.sub('def onMessage(self, msg, binary):\n',
          'def onMessage(self, msg, binary):\n   msg = msg.encode("latin-1")\n')

with Source('autobahntestsuite/case/case9_9_1.py') as s:    # not in the list of cases
    s.sub('import implements\n', 'import implementer\n')
    s.sub('class FrameProducer:\n', '@implementer(interfaces.IPushProducer)\nclass FrameProducer:\n')
    s.sub('   implements(interfaces.IPushProducer)\n', '')

## The fuzzer ##################################################################

with Source('autobahntestsuite/fuzzing.py') as s:
    s.sub('def binLogData(', '''def octets(s):
   """The octets that a test case's string stands for (bytes and None stay as they are)."""
   return s.encode('latin-1') if isinstance(s, str) else s


def text(s):
   """Octets, for a report."""
   return octets(s).decode('utf8', 'replace') if s is not None else None


def binLogData(''')

    # where the cases meet Autobahn|Python
    s.sub('   MAX_WIRE_LOG_DATA = 256\n', '''   MAX_WIRE_LOG_DATA = 256

   def sendFrame(self, opcode, payload = b'', *args, **kwargs):
      super().sendFrame(opcode, octets(payload), *args, **kwargs)

   def sendMessage(self, payload, *args, **kwargs):
      super().sendMessage(octets(payload), *args, **kwargs)

   def sendMessageFrameData(self, payload, *args, **kwargs):
      return super().sendMessageFrameData(octets(payload), *args, **kwargs)

   def sendCloseFrame(self, code = None, reasonUtf8 = None, isReply = False):
      super().sendCloseFrame(code, octets(reasonUtf8), isReply)
      if isReply and not self.factory.isServer: # upstream may wait for ever for it to drop TCP
         self.serverConnectionDropTimeoutCall = \\
            reactor.callLater(10, self.onServerConnectionDropTimeout)
''')
    s.sub('self.runCase.onMessage(msg, binary)', 'self.runCase.onMessage(msg.decode("latin-1"), binary)')
    s.sub('self.runCase.onPong(payload)', 'self.runCase.onPong(payload.decode("latin-1"))')
    s.sub('log.msg("Pong received: " + payload)', 'log.msg("Pong received: " + text(payload))')

    # logs and reports are text
    s.sub('''def binLogData(data, maxlen = 64):
''', '''def binLogData(data, maxlen = 64):
   data = octets(data)
''')
    s.sub('binascii.b2a_hex(data[:maxlen])', 'data[:maxlen].hex()')
    s.sub('binascii.b2a_hex(data)', 'data.hex()')
    s.sub('''replace = False):
   ellipses = " ..."
''', '''replace = False):
   data = octets(data)
   ellipses = b" ..."
''')
    s.sub("p = ''.join(payload)", "p = b''.join(payload)")
    s.sub('binascii.b2a_hex(frameHeader.mask)', 'frameHeader.mask.hex()', 2)
    s.sub('mmask = binascii.b2a_hex(t[6])', 'mmask = t[6]')
    s.sub('self.Case.DESCRIPTION,', 'text(self.Case.DESCRIPTION),')
    s.sub('% CCase.DESCRIPTION)', '% text(CCase.DESCRIPTION))')
    s.sub('"localCloseReason": self.localCloseReason,', '"localCloseReason": text(self.localCloseReason),')
    s.sub("self.http_request_data if", "text(self.http_request_data) if")
    s.sub("self.http_response_data if", "text(self.http_response_data) if")
    s.sub("report_filename), 'w')", "report_filename), 'w', encoding = 'utf8')", 4)
    s.sub('''f.write(('         <tr''', '''f.write('         <tr''')
    s.sub('''case[c[0]], c[1])).encode("utf-8"))''', '''case[c[0]], c[1]))''')
    s.sub("ll.encode('utf8')", "ll")

    # wstest would wait for ever on an empty list of cases
    s.sub('      self.currServer = -1\n', '''      if not self.specCases:
         raise SystemExit("no test case matches the spec")
      self.currServer = -1
''')

## The rest ####################################################################

with Source('autobahntestsuite/__init__.py') as s:
    s.sub('from . import choosereactor', 'import txaio; txaio.use_twisted()\nfrom . import choosereactor')

with Source('autobahntestsuite/report.py') as s:             # only for WAMP's reports
    s.sub('import jinja2\n', '')

with Source('autobahntestsuite/wstest.py') as s:             # WAMP's test data
    s.sub('import serializer\n', '')
    s.sub("            'serializer'\n", '')
