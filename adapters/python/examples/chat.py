"""The chat that the page of the `aerys` binary speaks to: a room for each name, and the lobby.

It is mounted at ``/chat`` and at ``/chat/{room}``.
"""

import asyncio
import json
import sys
import time
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import aerys

LOBBY = "lobby"
MAX_NAME = 32
MAX_TEXT = 2000
MAX_LISTED = 50

# How long the list of rooms waits for more to change, in seconds.
LIST_PERIOD = 0.25


class Complaint(Exception):
    """Why a client's request is not granted, in words for whoever sits there."""


class Person:
    def __init__(self, room):
        self.room, self.name = room, None


class Chat(aerys.Websocket):
    def __init__(self):
        self.endpoints, self.people, self.list_due = [], {}, None

    def on_start(self, endpoint):
        self.endpoints.append(endpoint)

    def on_open(self, client, request):
        room = checked(request.param("room", LOBBY))
        if room is None:
            raise aerys.Refusal(404, "A room's name has 1 to 32 characters, none of them a control character.")
        client.state = Person(room)

    def on_data(self, client, message):
        try:
            self.handle(client, message)
        except Complaint as complaint:
            client.send_nowait(reply("error", text=str(complaint)))

    def on_close(self, client, code, reason):
        room, name = client.state.room, client.state.name
        people = self.people.get(room, {})
        if people.pop(client.id, None) is None:
            return
        if not people:
            del self.people[room]
        self.tell(room, reply("left", id=client.id, name=name, count=len(people)))
        self.list_soon()

    def handle(self, client, message):
        try:
            request = json.loads(message)
            # Half of a surrogate pair is no character.
            json.dumps(request, ensure_ascii=False).encode()
        except ValueError as error:
            raise Complaint(f"This is no request: {error}.") from None
        match request:
            case {"type": "join", "name": str(name)}:
                self.join(client, name)
            case {"type": "say", "text": str(text)}:
                self.say(client, text)
            case _:
                raise Complaint("This is no request: it neither joins nor says.")

    def join(self, client, given):
        person = client.state
        if person.name is not None:
            raise Complaint(f"You have joined already, as {person.name}.")
        name = checked(given)
        if name is None:
            raise Complaint("A name has 1 to 32 characters, none of them a control character.")
        person.name = name
        people = self.people.setdefault(person.room, {})
        people[client.id] = name
        about = {"id": client.id, "name": name, "count": len(people)}
        client.join_nowait(person.room)
        client.send_nowait(reply("welcome", **about, people=list(people.values())))
        client.send_nowait(self.list(), key="rooms")
        self.tell(person.room, reply("joined", **about), [client.id])
        self.list_soon()

    def say(self, client, given):
        person = client.state
        if person.name is None:
            raise Complaint("Join with a name before you say something.")
        text = given.rstrip()
        if not 1 <= len(text) <= MAX_TEXT:
            raise Complaint("A message has 1 to 2000 characters.")
        said = reply("said", id=client.id, name=person.name, text=text, at=int(time.time() * 1000))
        for endpoint in self.endpoints:
            endpoint.broadcast_nowait(said, group=person.room)

    def list_soon(self):
        """Tells the list of rooms to everybody who is in one, a moment after it has changed."""
        if self.list_due is None:
            self.list_due = asyncio.get_running_loop().call_later(LIST_PERIOD, self.tell_list)

    def tell_list(self):
        self.list_due, rooms = None, self.list()
        for room in self.people:
            for endpoint in self.endpoints:
                endpoint.broadcast_nowait(rooms, group=room, key="rooms", local=True)

    def list(self):
        """The lobby, and the largest rooms."""
        others = [(-len(people), name) for name, people in self.people.items() if name != LOBBY]
        rooms = [{"name": LOBBY, "count": len(self.people.get(LOBBY, ()))}]
        rooms += [{"name": name, "count": -count} for count, name in sorted(others)[:MAX_LISTED - 1]]
        return reply("rooms", rooms=rooms)

    def tell(self, room, news, except_=()):
        for endpoint in self.endpoints:
            endpoint.broadcast_nowait(news, group=room, except_=except_, local=True)


def checked(name):
    """The name without the blanks around it, if it is one."""
    name = name.strip()
    good = 1 <= len(name) <= MAX_NAME and not any(unicodedata.category(it) == "Cc" for it in name)
    return name if good else None


def reply(type, **about):
    return json.dumps({"type": type, **about}, ensure_ascii=False, separators=(",", ":"))


aerys.run(Chat())
