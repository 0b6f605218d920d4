"""Every method of the official SDK's `sms` resource that this version of Sendyard supports, unchanged.

Usage: burki_sdk.py BASE_URL API_KEY SENDER RECIPIENT

SENDER sends at most one segment a minute or so, so that its second message waits. Ends with 0 and the
line `every call worked`; an AssertionError or an exception of the SDK is a failure.
"""

import asyncio
import sys
import uuid

from burki import BurkiClient
from burki.exceptions import AuthenticationError, NotFoundError, ValidationError

BASE_URL, API_KEY, SENDER, RECIPIENT = sys.argv[1:]


def check_sent(answer):
    assert answer.success is True
    assert answer.status == "queued" and answer.queued is True
    assert answer.provider == "twilio"
    assert answer.queue_position >= 1
    assert answer.estimated_send_time.endswith("Z")
    uuid.UUID(answer.message_id)


def check_cancelled(answer, message_id):
    assert answer["success"] is True, answer
    assert answer["message_id"] == message_id
    assert answer["status"] == "cancelled"


def check_stats(stats):
    assert stats.pending >= 1 and stats.total_queued >= 1, stats
    assert stats.by_provider["twilio"] >= 1, stats
    assert stats.average_send_time_ms is not None


def sync_calls(client):
    first = client.sms.send(SENDER, RECIPIENT, "first")
    check_sent(first)
    waiting = client.sms.send(from_phone_number=SENDER, to_phone_number=RECIPIENT, message="second")
    check_sent(waiting)
    check_stats(client.sms.get_queue_stats())

    status = client.sms.get_status(waiting.message_id)
    assert status.success is True and status.message_id == waiting.message_id
    assert status.status == "queued" and status.provider == "twilio"
    check_cancelled(client.sms.cancel(waiting.message_id), waiting.message_id)
    assert client.sms.get_status(waiting.message_id).status == "cancelled"

    media = ["https://example.com/a.png"]
    now = client.sms.send(SENDER, RECIPIENT, "now", media_urls=media, queue=False, idempotency_key="now")
    assert (now.success, now.status, now.queued) == (True, "sent", False), now
    assert now.queue_position is None and now.estimated_send_time is None
    again = client.sms.send(SENDER, RECIPIENT, "now", media_urls=media, queue=False, idempotency_key="now")
    assert again == now
    status = client.sms.get_status(now.message_id)
    assert status.status == "sent" and status.sent_at.endswith("Z")


async def async_calls(client):
    await client.sms.send_async(SENDER, RECIPIENT, "first")
    waiting = await client.sms.send_async(SENDER, RECIPIENT, "second", idempotency_key="async")
    check_sent(waiting)
    assert await client.sms.send_async(SENDER, RECIPIENT, "second", idempotency_key="async") == waiting
    check_stats(await client.sms.get_queue_stats_async())
    status = await client.sms.get_status_async(waiting.message_id)
    assert status.status == "queued"
    check_cancelled(await client.sms.cancel_async(waiting.message_id), waiting.message_id)


def check_refusal(expected, call):
    """The SDK understands an error: its own exception, with our sentence."""
    try:
        call()
    except expected as error:
        assert isinstance(error.message, str) and error.message, error
        assert error.response_body["detail"] == error.message
        return error
    raise AssertionError(f"no {expected.__name__}")


def errors(client):
    unknown = str(uuid.uuid4())
    error = check_refusal(NotFoundError, lambda: client.sms.get_status(unknown))
    assert error.message == f"Message {unknown} not found"
    check_refusal(NotFoundError, lambda: client.sms.cancel(unknown))
    check_refusal(NotFoundError, lambda: client.sms.send("+19995550123", RECIPIENT, "x"))
    check_refusal(ValidationError, lambda: client.sms.send(SENDER, "555", "x"))
    client.sms.send(SENDER, RECIPIENT, "one", idempotency_key="taken")
    error = check_refusal(ValidationError, lambda: client.sms.send(SENDER, RECIPIENT, "two", idempotency_key="taken"))
    assert error.status_code == 422
    with BurkiClient(api_key="nobody's", base_url=BASE_URL) as stranger:
        check_refusal(AuthenticationError, stranger.sms.get_queue_stats)


def conversations_are_refused(client):
    """Described, and not part of this version: refused, so that nobody takes silence for an empty list."""
    for call in (client.sms.list_conversations, lambda: client.sms.get_messages("1")):
        assert check_refusal(ValidationError, call).response_body["code"] == "not_supported"


async def main():
    with BurkiClient(api_key=API_KEY, base_url=BASE_URL) as client:
        sync_calls(client)
        errors(client)
        conversations_are_refused(client)
    async with BurkiClient(api_key=API_KEY, base_url=BASE_URL) as client:
        await async_calls(client)


asyncio.run(main())
print("every call worked")
