"""The chats speak what the page of the binary's chat speaks, in each language the same."""

import json
import sys
import unittest

from driver import ADAPTERS, BROADCAST, DONE, JOIN, REFUSE, SEND, Process, broadcast, message

LOBBY, ROOM = 1, 2


class Chat:
    command = []

    def setUp(self):
        self.process = Process([*self.command[:-1], str(ADAPTERS / self.command[-1])])
        self.process.begin("/chat", "/chat/{room}")
        self.addCleanup(self.process.__exit__)

    def handled(self, event, outcome=0):
        """What is said until an event has been handled: frames, with lists of rooms apart."""
        said, lists = [], []
        while (found := self.process.receive()).type != DONE or found.seq != event:
            self.assertEqual(found.seq, 0, "nobody is waited for")
            (lists if self.is_list(found) else said).append(found)
        self.assertEqual(found.payload[0], outcome)
        return said, lists

    def is_list(self, found):
        return found.type in (SEND, BROADCAST) and self.read(found)["type"] == "rooms"

    def read(self, found):
        if found.type == BROADCAST:
            return json.loads(broadcast(found.payload).message)
        return json.loads(message(found.payload)[0])

    def come(self, client, room=None):
        request = {"param": {"room": room}} if room else {}
        return self.handled(self.process.open(client, ROOM if room else LOBBY, **request))

    def say(self, client, endpoint=LOBBY, **request):
        return self.handled(self.process.data(client, json.dumps(request), endpoint))

    def complaint(self, client, request):
        (found,), _ = self.handled(self.process.data(client, request))
        self.assertEqual((found.type, found.client), (SEND, client))
        told = self.read(found)
        self.assertEqual(told["type"], "error")
        return told["text"]

    def test_who_joins_is_welcomed_and_told_to_the_room(self):
        self.assertEqual(self.come(7), ([], []))
        said, lists = self.say(7, type="join", name="  Ada ")
        self.assertEqual([it.type for it in said[:2]], [JOIN, SEND])
        self.assertEqual(said[0].payload, b"lobby")
        self.assertEqual(list(self.read(said[1]).items()), [
            ("type", "welcome"), ("id", 7), ("name", "Ada"), ("count", 1), ("people", ["Ada"])])
        for it in said[2:]:
            told = broadcast(it.payload)
            self.assertEqual((told.group, told.only, told.except_, told.local), ("lobby", None, [7], True))
            self.assertEqual(json.loads(told.message), {"type": "joined", "id": 7, "name": "Ada", "count": 1})
        (found,) = lists
        told, key = message(found.payload)
        self.assertEqual((json.loads(told)["rooms"], key), ([{"name": "lobby", "count": 1}], "rooms"))

    def test_the_list_comes_a_moment_after_it_has_changed_and_once(self):
        for client, name in ((7, "Ada"), (8, "Bob")):
            self.come(client)
            self.say(client, type="join", name=name)
        self.come(9, "tea")
        self.say(9, ROOM, type="join", name="Eve")
        heard = {}
        while len(heard) < 4:
            found = self.process.expect(BROADCAST)
            told = broadcast(found.payload)
            self.assertEqual((told.key, told.local), ("rooms", True))
            self.assertNotIn((found.endpoint, told.group), heard)
            heard[found.endpoint, told.group] = json.loads(told.message)["rooms"]
        self.assertEqual(set(heard), {(endpoint, group) for endpoint in (LOBBY, ROOM) for group in ("lobby", "tea")})
        for rooms in heard.values():
            self.assertEqual(rooms, [{"name": "lobby", "count": 2}, {"name": "tea", "count": 1}])
        self.process.expect_nothing()

    def test_what_is_said_is_heard_by_everybody_in_the_room(self):
        self.come(7, "tea & milk")
        self.say(7, ROOM, type="join", name="Ada")
        said, _ = self.say(7, ROOM, type="say", text="hello, <b>😀</b>\n ")
        self.assertTrue(said)
        for it in said:
            told = broadcast(it.payload)
            self.assertEqual((told.group, told.except_, told.local), ("tea & milk", None, False))
            heard = json.loads(told.message)
            self.assertEqual((heard["type"], heard["id"], heard["name"], heard["text"]),
                             ("said", 7, "Ada", "hello, <b>😀</b>"))
            self.assertIsInstance(heard["at"], int)
        self.assertIn(ROOM, {it.endpoint for it in said})

    def test_who_leaves_is_told_and_who_had_not_joined_is_not(self):
        for client in (7, 8):
            self.come(client)
        self.say(7, type="join", name="Ada")
        self.assertEqual(self.handled(self.process.closed(8))[0], [])
        said, _ = self.handled(self.process.closed(7))
        for it in said:
            self.assertEqual(self.read(it), {"type": "left", "id": 7, "name": "Ada", "count": 0})
        self.assertTrue(said)

    def test_what_is_no_request_is_answered_with_the_reason(self):
        self.come(7)
        for request in ("", "hello", "null", "{}", '{"type":"shout"}', '{"type":"join"}', '{"type":"say","text":7}', "[]"):
            self.assertTrue(self.complaint(7, request).startswith("This is no request: "), request)
        self.assertEqual(self.complaint(7, '{"type":"say","text":"a"}'), "Join with a name before you say something.")
        for name in ("", " \\t ", "a\\nb", "a\\u0085b", "a" * 33):
            told = self.complaint(7, f'{{"type":"join","name":"{name}"}}')
            self.assertEqual(told, "A name has 1 to 32 characters, none of them a control character.", name)
        self.say(7, type="join", name="é" * 32)
        self.assertEqual(self.complaint(7, '{"type":"join","name":"Bob"}'), f"You have joined already, as {'é' * 32}.")
        for text in ("", "  ", "a" * 2001):
            told = self.complaint(7, json.dumps({"type": "say", "text": text}))
            self.assertEqual(told, "A message has 1 to 2000 characters.")
        said, _ = self.say(7, type="say", text="é" * 2000)
        self.assertEqual(self.read(said[0])["text"], "é" * 2000)
        self.assertTrue(self.complaint(7, r'{"type":"say","text":"\ud800"}'))

    def test_a_name_that_is_none_of_a_room_is_refused(self):
        for number, room in enumerate((" ", "a\ab", "a" * 33), 7):
            (found,), _ = self.come(number, room)
            self.assertEqual((found.type, found.payload[:2]), (REFUSE, b"\x01\x94"))
            self.assertIn(b"A room's name has 1 to 32 characters", found.payload)

    def test_rooms_are_listed_the_largest_first_and_not_without_end(self):
        client = 0
        for number in range(60):
            for _ in range(2 if number >= 50 else 1):
                client += 1
                self.come(client, f"room {number:02}")
                self.process.send(self.process.data_frame(client, '{"type":"join","name":"Bob"}', ROOM))
                _, lists = self.handled(self.process.event)
        sent = [it for it in lists if it.type == SEND]
        names = [room["name"] for room in self.read(sent[-1])["rooms"]]
        self.assertEqual(names, ["lobby", *(f"room {number}" for number in range(50, 60)),
                                 *(f"room {number:02}" for number in range(39))])


class PhpChat(Chat, unittest.TestCase):
    command = ["php", "php/examples/chat.php"]


class PythonChat(Chat, unittest.TestCase):
    command = [sys.executable, "python/examples/chat.py"]


class NodeChat(Chat, unittest.TestCase):
    command = ["node", "node/examples/chat.mjs"]


if __name__ == "__main__":
    unittest.main()
