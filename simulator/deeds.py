"""What a person does with a phone: each deed is a push, and returns what came of it.

A deed waits for the account's server and holds no lock meanwhile: the server calls back while it
thinks. World inherits these.
"""
import hashlib
from typing import TYPE_CHECKING, Any

from simulator import menus, official_push, qr
from simulator.official_push import Outcome, Repeated
from simulator.state import Phone

if TYPE_CHECKING:
    from simulator.world import World

    Base = World
else:
    Base = object

PhoneRef = Phone | str
Fields = dict[str, Any]
SCANS = ("scancode_push", "scancode_waitmsg")
PICTURES = ("pic_sysphoto", "pic_photo_or_album", "pic_weixin")
CHANGES = ("user_info_modified", "user_authorization_revoke", "user_authorization_cancellation")


class Deeds(Base):
    # messages

    def say(self, ref: PhoneRef, text: str, msgmenuid: str | None = None,
            msg_id: int | None = None, times: int = 1, sent_at: float | None = None) -> str | None:
        """Send a text; returns what the passive reply said (None: nothing, or not a text).

        `msgmenuid`: it was a tap on a menu-message item. `msg_id`, `times`: the very same message
        again, as WeChat repeats one whose answer it missed. `sent_at`: when it was written, where
        there was no net.
        """
        return self.send_text(ref, text, msgmenuid, msg_id, times, sent_at).reply

    def send_text(self, ref: PhoneRef, text: str, msgmenuid: str | None = None,
                  msg_id: int | None = None, times: int = 1,
                  sent_at: float | None = None) -> Outcome:
        """As `say`, with the whole outcome."""
        more: dict[str, Any] = {"bizmsgmenuid": msgmenuid} if msgmenuid else {}
        if sent_at is not None:
            more["CreateTime"] = int(sent_at)
        return self._send(ref, "text", {"Content": text, **more}, {"content": text},
                          msg_id=msg_id, times=times)

    def send_image(self, ref: PhoneRef, pic: str | None = None,
                   content: bytes | None = None) -> Outcome:
        """Send a picture. `pic`: its address, made up by default; `content`: what media/get has."""
        fields = self._picture(content)
        fields["PicUrl"] = pic or fields["PicUrl"]
        return self._send(ref, "image", fields, {"content": fields["PicUrl"]})

    def _picture(self, content: bytes | None) -> Fields:
        media_id = self.add_media("image", content or qr.grey_png(64, (b"\0" + b"\xb4" * 64) * 64))
        return {"PicUrl": f"{self.base_url}/sim/media/{media_id}", "MediaId": media_id}

    def send_voice(self, ref: PhoneRef, recognition: str = "") -> Outcome:
        """Send a voice message; `recognition` arrives if the account enabled recognition."""
        phone = self.phone(ref)
        fields = {"MediaId": self.add_media("voice", b"#!AMR\n"), "Format": "amr"}
        if self.accounts[phone.app_id].speech_recognition:
            fields["Recognition"] = recognition
        return self._send(phone, "voice", fields, {"content": recognition})

    def send_video(self, ref: PhoneRef, *, short: bool = False) -> Outcome:
        """Send a video, or one that was taken within the chat (shortvideo)."""
        fields = {"MediaId": self.add_media("video", b"\0\0\0\x18ftypmp42"),
                  "ThumbMediaId": self.add_media("thumb", b"\xff\xd8\xff")}
        return self._send(ref, "shortvideo" if short else "video", fields, {"content": ""})

    def share_location(self, ref: PhoneRef, lat: float, lng: float, label: str = "") -> Outcome:
        """Send a location message (＋ → 位置)."""
        fields = {"Location_X": lat, "Location_Y": lng, "Scale": 15, "Label": label}
        return self._send(ref, "location", fields,
                          {"content": label, "label": label, "lat": lat, "lng": lng})

    def send_link(self, ref: PhoneRef, title: str, url: str, description: str = "") -> Outcome:
        """Pass an article on to the account."""
        return self._send(ref, "link", {"Title": title, "Description": description, "Url": url},
                          {"content": title, "url": url})

    def _send(self, ref: PhoneRef, kind: str, fields: Fields, bubble: Fields,
              msg_id: int | None = None, times: int = 1) -> Outcome:
        """A message that the person wrote: opens the 48-hour window, then goes to the server."""
        phone = self.phone(ref)
        self.record(phone, "said", kind=kind, **bubble)
        with self.lock:
            if not phone.followed:
                self.record(phone, "notice", content="你还没有关注该服务号")
                return Outcome(False)
            phone.last_message_at = self.now()
            self.open_window(phone, "message")
        return official_push.push(self, phone, {
            **self._head(phone, kind), **fields, "MsgId": msg_id or self.next_id()}, times)

    # following, and codes

    def follow(self, ref: PhoneRef, scene: str | None = None) -> Outcome:
        """Follow the account, by a parametric QR code when `scene` is given."""
        phone = self.phone(ref)
        if phone.followed:
            return self.scan(phone, scene) if scene else Outcome(False)
        with self.lock:
            phone.followed, phone.subscribe_time = True, int(self.now())
            phone.subscribe_scene = "ADD_SCENE_QR_CODE" if scene else "ADD_SCENE_SEARCH"
            phone.qr_scene_str = scene or ""
            self.open_window(phone, "follow")
        self.record(phone, "notice", content="已关注")
        if not scene:
            return self._event(phone, "subscribe", EventKey="")
        return self._event(phone, "subscribe", EventKey=f"qrscene_{scene}",
                           Ticket=self.ticket_for(phone.app_id, scene))

    def unfollow(self, ref: PhoneRef) -> Outcome:
        """Stop following: no reply is shown, and the account may say no more."""
        phone = self.phone(ref)
        if not phone.followed:
            return Outcome(False)
        with self.lock:
            phone.followed, phone.windows, phone.tags = False, {}, []
            self.save(phone)
        self.record(phone, "notice", content="已取消关注")
        return self._event(phone, "unsubscribe", EventKey="")

    def scan(self, ref: PhoneRef, scene: str) -> Outcome:
        """Scan the account's parametric QR code; someone new follows by it."""
        phone = self.phone(ref)
        if self.is_expired_scene(phone.app_id, scene):
            self.record(phone, "notice", content="该二维码已过期")
            return Outcome(False)
        if not phone.followed:
            return self.follow(phone, scene)
        with self.lock:
            self.open_window(phone, "scan")
        self.record(phone, "said", kind="scan", content=scene)
        return self._event(phone, "SCAN", EventKey=scene,
                           Ticket=self.ticket_for(phone.app_id, scene))

    # the menu

    def tap_menu(self, ref: PhoneRef, key: str) -> Outcome:
        """Tap a menu item: `key` of a click item, or the address of a view item.

        Menus are cached on the phone, so a key that the account has since removed comes too.
        """
        phone = self.phone(ref)
        if not phone.followed:
            return Outcome(False)
        if key.startswith(("http://", "https://")):
            return self._event(phone, "VIEW", EventKey=key)
        self._tapped(phone, key)
        return self._event(phone, "CLICK", EventKey=key)

    def scan_by_menu(self, ref: PhoneRef, key: str, result: str,
                     kind: str = "scancode_push") -> Outcome:
        """The scanner of a menu item. `result`: what the code says."""
        if kind not in SCANS:
            raise ValueError(f"kind is none of {', '.join(SCANS)}")
        phone = self.phone(ref)
        self._tapped(phone, key, content=result)
        return self._event(phone, kind, EventKey=key, ScanCodeInfo={
            "ScanType": "qrcode", "ScanResult": result})

    def photograph_by_menu(self, ref: PhoneRef, key: str, content: bytes | None = None,
                           kind: str = "pic_photo_or_album") -> Outcome:
        """The camera or album of a menu item: the event, then the picture as a message."""
        if kind not in PICTURES:
            raise ValueError(f"kind is none of {', '.join(PICTURES)}")
        phone = self.phone(ref)
        fields = self._picture(content)
        md5 = hashlib.md5(self.media_bytes[fields["MediaId"]], usedforsecurity=False).hexdigest()
        self._event(phone, kind, EventKey=key, SendPicsInfo={
            "Count": 1, "PicList": [{"PicMd5Sum": md5}]})
        return self._send(phone, "image", fields, {"content": fields["PicUrl"]})

    def place_by_menu(self, ref: PhoneRef, key: str, lat: float, lng: float,
                      label: str = "") -> Outcome:
        """The place picker of a menu item: the event, then the place as a message."""
        phone = self.phone(ref)
        self._event(phone, "location_select", EventKey=key, SendLocationInfo={
            "Location_X": lat, "Location_Y": lng, "Scale": 15, "Label": label, "Poiname": ""})
        return self.share_location(phone, lat, lng, label)

    def open_miniprogram(self, ref: PhoneRef, page: str) -> Outcome:
        """A miniprogram item of the menu."""
        return self._event(ref, "view_miniprogram", EventKey=page, MenuId=self.next_id() % 10**9)

    def _tapped(self, phone: Phone, key: str, content: str | None = None) -> None:
        with self.lock:
            self.open_window(phone, "tap")
        self.record(phone, "said", kind="menu", content=key if content is None else content,
                    label=menus.label_of(self, phone, key))

    # what WeChat tells of a person

    def report_position(self, ref: PhoneRef, lat: float, lng: float) -> Outcome:
        """The LOCATION event of someone who lets the account see where they are."""
        if not self.phone(ref).followed:
            return Outcome(False)
        return self._event(ref, "LOCATION", Latitude=lat, Longitude=lng, Precision=30.0)

    def answer_subscription(self, ref: PhoneRef, answers: dict[str, bool]) -> Outcome:
        """Tap <wx-open-subscribe> in a page: template id → whether one message is allowed."""
        phone = self.phone(ref)
        with self.lock:
            for template_id, allowed in answers.items():
                left = phone.subscriptions.get(template_id, 0)
                phone.subscriptions[template_id] = left + 1 if allowed else 0
            self.save(phone)
        return self._event(phone, "subscribe_msg_popup_event", SubscribeMsgPopupEvent={
            "List": Repeated([{"TemplateId": template_id, "PopupScene": "1",
                               "SubscribeStatusString": "accept" if allowed else "reject"}
                              for template_id, allowed in answers.items()])})

    def refuse_subscription(self, ref: PhoneRef, template_id: str) -> Outcome:
        """Turn a subscription off in WeChat's own settings."""
        phone = self.phone(ref)
        with self.lock:
            phone.subscriptions[template_id] = 0
            self.save(phone)
        return self._event(phone, "subscribe_msg_change_event", SubscribeMsgChangeEvent={
            "List": Repeated([{"TemplateId": template_id, "SubscribeStatusString": "reject"}])})

    def withdraw(self, ref: PhoneRef, kind: str = "user_authorization_revoke") -> Outcome:
        """The person takes back what they let the account know, or closes their WeChat."""
        if kind not in CHANGES:
            raise ValueError(f"kind is none of {', '.join(CHANGES)}")
        phone = self.phone(ref)
        return self._event(phone, kind, OpenID=phone.openid, AppID=phone.app_id,
                           RevokeInfo="1" if kind == "user_authorization_revoke" else "")

    def report_template(self, phone: Phone, msgid: int, status: str) -> None:
        """Push TEMPLATESENDJOBFINISH (its MsgID has a capital D)."""
        self._event(phone, "TEMPLATESENDJOBFINISH", MsgID=msgid, Status=status)

    def report_subscription(self, phone: Phone, template_id: str, msgid: int) -> None:
        """Push what became of a subscription notice."""
        self._event(phone, "subscribe_msg_sent_event", SubscribeMsgSentEvent={
            "List": Repeated([{"TemplateId": template_id, "MsgID": msgid, "ErrorCode": 0,
                               "ErrorStatus": "success"}])})

    def _event(self, ref: PhoneRef, event: str, **fields: Any) -> Outcome:
        phone = self.phone(ref)
        return official_push.push(
            self, phone, {**self._head(phone, "event"), "Event": event, **fields})

    def _head(self, phone: Phone, kind: str) -> Fields:
        return {"ToUserName": self.accounts[phone.app_id].original_id,
                "FromUserName": phone.openid, "CreateTime": int(self.now()), "MsgType": kind}

    # money, and pages

    def pay(self, ref: PhoneRef, prepay_id: str,
            request: dict[str, Any] | None = None) -> dict[str, Any]:
        """Confirm in the pay sheet; {"err_msg": "get_brand_wcpay_request:ok"} when paid.

        `request`: all that the page gave to getBrandWCPayRequest, whose paySign is then checked.
        """
        from simulator import cashier

        return cashier.pay(self, self.phone(ref), prepay_id, request)

    def pay_code(self, ref: PhoneRef, link: str) -> None:
        """Pay by a Native code's text or an H5 link. Raises cashier.CannotPay."""
        from simulator import cashier

        cashier.pay_code(self, self.phone(ref), link)

    def receive(self, ref: PhoneRef, request: dict[str, Any]) -> dict[str, str]:
        """Confirm a transfer; {"err_msg": "requestMerchantTransfer:ok"} when it is under way."""
        from simulator import wallet

        return wallet.receive(self, self.phone(ref), request)

    def open(self, ref: PhoneRef, url: str) -> str:
        """Where this phone's in-app browser shows `url`. ValueError: not this machine's page."""
        from simulator import webview

        self.web_port(ref)
        return webview.open_page(self, self.phone(ref), url)

    def web_port(self, ref: PhoneRef) -> int:
        """The port of this phone's in-app browser, started when first needed."""
        from simulator import webview

        phone = self.phone(ref)
        self.web_ports[phone.id] = port = webview.start(self, phone)
        return port
