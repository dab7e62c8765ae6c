"""Receives events as described in the platform's documentation:

https://open.feishu.cn/document/server-side-sdk/python--sdk/handle-events

    python program.py DOMAIN APP_ID APP_SECRET

Prints one line of JSON per event: the handler and the data it received.
"""

import json
import sys

import lark_oapi as lark
from lark_oapi.event.callback.model.p2_card_action_trigger import (
    P2CardActionTrigger,
    P2CardActionTriggerResponse,
)


def report(handler: str, data: object) -> None:
    print(json.dumps({"handler": handler, "data": json.loads(lark.JSON.marshal(data))}), flush=True)


def do_p2_im_message_receive_v1(data: lark.im.v1.P2ImMessageReceiveV1) -> None:
    report("p2 im.message.receive_v1", data)
    if "fail" in data.event.message.content:
        raise RuntimeError("the handler failed")


def do_message_event(data: lark.CustomizedEvent) -> None:
    report("p1 message", data)


def do_card_action_trigger(data: P2CardActionTrigger) -> P2CardActionTriggerResponse:
    report("p2 card.action.trigger", data)
    return P2CardActionTriggerResponse({"toast": {"type": "info", "content": "好的"}})


event_handler = (
    lark.EventDispatcherHandler.builder("", "")
    .register_p2_im_message_receive_v1(do_p2_im_message_receive_v1)
    .register_p1_customized_event("message", do_message_event)
    .register_p2_card_action_trigger(do_card_action_trigger)
    .build()
)


def main() -> None:
    domain, app_id, app_secret = sys.argv[1:]
    client = lark.ws.Client(
        app_id, app_secret, event_handler=event_handler, log_level=lark.LogLevel.INFO, domain=domain
    )
    client.start()


if __name__ == "__main__":
    main()
