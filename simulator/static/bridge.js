// What WeChat puts into every page it shows: its User-Agent, and WeixinJSBridge once it is ready.
// Sheets live in a shadow root with a constructed style sheet, so neither the page's styles nor
// its content security policy touch them.

(() => {
  "use strict";
  if (window.__weixinInjected) return;
  Object.defineProperty(window, "__weixinInjected", { value: true });

  const READY_MS = 60;
  const PAID_MS = 700;
  const UA = "{user_agent}";
  Object.defineProperty(Navigator.prototype, "userAgent", { get: () => UA, configurable: true });

  const tell = (wx, data) => window.parent !== window && window.parent.postMessage({ wx, data }, "*");

  async function ask(what, body) {
    const response = await fetch(`/__wx/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${what}: ${response.status}`);
    return response.json();
  }

  // Sheets

  const STYLE = `
    :host { all: initial; color-scheme: light dark; --page: #ededed; --card: #fff; --text: rgb(0 0 0 / 90%);
      --second: rgb(0 0 0 / 60%); --line: rgb(0 0 0 / 10%); --pressed: rgb(0 0 0 / 5%); }
    @media (prefers-color-scheme: dark) { :host { --page: #191919; --card: #2c2c2c; --text: rgb(255 255 255 / 80%);
      --second: rgb(255 255 255 / 55%); --line: rgb(255 255 255 / 10%); --pressed: rgb(255 255 255 / 8%); } }
    * { box-sizing: border-box; }
    .veil { position: fixed; z-index: 2147483000; inset: 0; display: flex; flex-direction: column;
      justify-content: flex-end; background: rgb(0 0 0 / 50%); animation: appear .15s; color: var(--text);
      font: 17px/1.4 -apple-system, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC",
        system-ui, sans-serif; }
    .sheet { position: relative; max-height: 94%; overflow: auto; padding: 0 24px 32px; border-radius: 12px 12px 0 0;
      background: var(--page); text-align: center; animation: rise .25s ease-out; }
    .close { position: absolute; top: 0; left: 0; width: 52px; height: 52px; border: 0; background: none;
      color: inherit; font: 300 26px/1 system-ui; cursor: pointer; }
    h2 { margin: 0; padding: 14px 36px; font-size: 17px; font-weight: 500; line-height: 24px; }
    .payee { margin: 20px 0 0; font-size: 17px; }
    .amount { margin: 4px 0 20px; font-size: 44px; font-weight: 600; line-height: 1.2; font-variant-numeric: tabular-nums; }
    .amount small { font-size: 28px; font-weight: 500; margin-right: 2px; }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: 12px 16px; margin: 0 0 28px; padding: 16px 0 0;
      border-top: 1px solid var(--line); font-size: 15px; text-align: left; }
    dt { color: var(--second); }
    dd { margin: 0; overflow-wrap: anywhere; text-align: right; }
    label { display: block; margin: 12px 0; color: var(--second); font-size: 14px; text-align: left; }
    input { display: block; width: 100%; min-height: 44px; margin-top: 4px; padding: 0 12px; border: 0; border-radius: 6px;
      background: var(--card); color: var(--text); font: inherit; font-size: 17px; }
    .button { display: block; width: 100%; max-width: 280px; min-height: 48px; margin: 12px auto 0; border: 0; border-radius: 8px;
      background: #07c160; color: #fff; font: inherit; font-weight: 500; cursor: pointer; }
    .button:active { background: #06ae56; }
    .button:disabled { opacity: .6; cursor: default; }
    .button.plain { background: var(--pressed); color: var(--text); }
    .fault { margin: 12px 0 0; color: #d93026; font-size: 14px; }
    .tick { margin: 40px auto 12px; width: 64px; height: 64px; border-radius: 50%; background: #07c160; color: #fff;
      font-size: 40px; line-height: 64px; }
    .note { margin: 0 0 16px; color: var(--second); font-size: 14px; overflow-wrap: anywhere; }
    svg { display: block; width: 100%; border-radius: 8px; }
    :focus-visible { outline: 2px solid #576b95; outline-offset: 2px; }
    @keyframes appear { from { opacity: 0; } }
    @keyframes rise { from { transform: translateY(100%); } }
    @media (prefers-reduced-motion: reduce) { * { animation: none !important; } }`;

  function el(tag, traits = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(traits)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== false && value !== undefined) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  // Raises a sheet; `dismiss` is called when the person turns it away. → { sheet, close }
  function raise(title, dismiss, traits = {}) {
    const host = el("div", { "data-wx-sheet": true });
    const root = host.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    const before = document.activeElement;
    const close = () => {
      host.remove();
      before?.focus?.({ preventScroll: true });
    };
    const away = () => {
      close();
      dismiss();
    };
    const x = el("button", { class: "close", type: "button", "aria-label": "关闭", "data-wx-close": true, onclick: away }, "×");
    const sheet = el("div", { class: "sheet", role: "dialog", "aria-modal": "true", "aria-label": title, ...traits },
      x, el("h2", {}, title));
    const veil = el("div", { class: "veil" }, sheet);
    veil.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") away();
      if (event.key === "Tab") keepInside(event, root, sheet);
    });
    root.append(veil);
    document.documentElement.append(host);
    x.focus({ preventScroll: true });
    return { sheet, close };
  }

  function keepInside(event, root, sheet) {
    const stops = [...sheet.querySelectorAll("button:not(:disabled), input")];
    const at = stops.indexOf(root.activeElement);
    const next = at + (event.shiftKey ? -1 : 1);
    event.preventDefault();
    stops.at(next % stops.length)?.focus();
  }

  // Paying

  const PAY = "get_brand_wcpay_request";
  let paying = false;

  const yuan = (fen) => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, "0")}`;

  async function pay(request) {
    if (paying) return { err_msg: `${PAY}:fail`, err_desc: "另一笔支付还开着" };
    paying = true;
    try {
      const order = await ask("pay/sheet", request);
      if (!order.ok) return { err_msg: `${PAY}:fail`, err_desc: order.err_desc };
      return await paySheet(order, request);
    } catch (failure) {
      return { err_msg: `${PAY}:fail`, err_desc: String(failure.message) };
    } finally {
      paying = false;
    }
  }

  function paySheet(order, request) {
    return new Promise((resolve) => {
      const { sheet, close } = raise("微信支付", () => resolve({ err_msg: `${PAY}:cancel` }), { "data-pay-sheet": true });
      const fault = el("p", { class: "fault", role: "alert" });
      const confirm = el("button", { class: "button", type: "button", "data-pay-confirm": true }, "确认支付");
      confirm.addEventListener("click", async () => {
        confirm.disabled = true;
        confirm.textContent = "正在支付…";
        const said = await ask("pay", request).catch(() => null);
        if (said?.err_msg === `${PAY}:ok`) return paid(sheet, order, () => { close(); resolve(said); });
        if (said) {
          close();
          return resolve(said);
        }
        confirm.disabled = false;
        confirm.textContent = "确认支付";
        fault.textContent = "网络不好，钱没有动。再试一次。";
        return undefined;
      });
      sheet.append(el("p", { class: "payee", "data-pay-payee": true }, order.payee), amount(order),
        el("dl", {}, el("dt", {}, "商品"), el("dd", {}, order.description || "—"), el("dt", {}, "付款方式"), el("dd", {}, "零钱")),
        confirm, fault);
      confirm.focus({ preventScroll: true });
    });
  }

  const amount = (order) => el("p", { class: "amount", "data-pay-amount": true }, el("small", {}, "¥"), yuan(order.amount_fen));

  function paid(sheet, order, done) {
    sheet.replaceChildren(el("div", { class: "tick", "aria-hidden": "true" }, "✓"),
      el("p", { class: "payee", role: "status", "data-pay-done": true }, "支付成功"), amount(order));
    setTimeout(done, PAID_MS);
  }

  // Taking money: 商家转账 is confirmed by whom it is for

  const RECEIVE = "requestMerchantTransfer";

  async function receive(request) {
    const order = await ask("transfer/sheet", request);
    if (!order.ok) return { err_msg: `${RECEIVE}:fail`, err_desc: order.err_desc };
    return receiveSheet(order, request);
  }

  function receiveSheet(order, request) {
    return new Promise((resolve) => {
      const { sheet, close } = raise("确认收款", () => resolve({ err_msg: `${RECEIVE}:cancel` }), { "data-transfer-sheet": true });
      const fault = el("p", { class: "fault", role: "alert" });
      const confirm = el("button", { class: "button", type: "button", "data-transfer-confirm": true }, "收款");
      confirm.addEventListener("click", async () => {
        confirm.disabled = true;
        const said = await ask("transfer", request).catch(() => null);
        if (said) {
          close();
          resolve(said);
          return;
        }
        confirm.disabled = false;
        fault.textContent = "网络不好，再试一次。";
      });
      sheet.append(el("p", { class: "payee" }, order.payer), amount(order),
        el("dl", {}, el("dt", {}, "备注"), el("dd", {}, order.remark), el("dt", {}, "收到"), el("dd", {}, "零钱")), confirm, fault);
      confirm.focus({ preventScroll: true });
    });
  }

  // Places

  let allowed = null;

  async function position() {
    const known = await ask("position", {}).catch(() => null);
    const spot = known?.lat === undefined ? allowed : known;
    if (allowed && spot) return found(spot);
    const given = await askPosition(spot ?? { lat: 30.54, lng: 114.36 });
    if (!given) return { err_msg: "geo_location:fail auth deny" };
    allowed = given;
    return found(given);
  }

  const found = ({ lat, lng }) => ({ err_msg: "geo_location:ok", latitude: lat, longitude: lng, speed: 0, accuracy: 30 });

  function askPosition(spot) {
    return new Promise((resolve) => {
      const { sheet, close } = raise("想获取你的位置", () => resolve(null), { "data-location-sheet": true });
      const [lat, lng] = ["lat", "lng"].map((name) =>
        el("input", { type: "number", step: "any", value: spot[name], [`data-${name}`]: true }));
      const allow = el("button", { class: "button", type: "button", "data-allow": true }, "允许");
      const deny = el("button", { class: "button plain", type: "button", "data-deny": true }, "拒绝");
      const end = (value) => {
        close();
        resolve(value);
      };
      allow.addEventListener("click", () => end({ lat: Number(lat.value), lng: Number(lng.value) }));
      deny.addEventListener("click", () => end(null));
      sheet.append(el("label", {}, "纬度", lat), el("label", {}, "经度", lng), allow, deny);
      allow.focus({ preventScroll: true });
    });
  }

  function showPlace({ latitude, longitude, name = "", address = "" }) {
    return new Promise((resolve) => {
      const { sheet, close } = raise(name || "位置", () => resolve({ err_msg: "open_location:ok" }), { "data-place-sheet": true });
      const where = `${Number(latitude).toFixed(5)}, ${Number(longitude).toFixed(5)}`;
      const back = el("button", { class: "button plain", type: "button" }, "返回");
      back.addEventListener("click", () => {
        close();
        resolve({ err_msg: "open_location:ok" });
      });
      sheet.append(el("p", { class: "note" }, [address, where].filter(Boolean).join(" · ")), back);
    });
  }

  // Scanner, pictures

  function scan({ needResult = 0 }) {
    return new Promise((resolve) => {
      const { sheet, close } = raise("扫一扫", () => resolve({ err_msg: "scan_qrcode:cancel" }), { "data-scan-sheet": true });
      const input = el("input", { "data-scan": true, maxlength: 1024 });
      const done = el("button", { class: "button", type: "button", "data-scan-ok": true }, "扫到了");
      const end = () => {
        close();
        resolve({ err_msg: "scan_qrcode:ok", ...(Number(needResult) ? { resultStr: input.value } : {}) });
      };
      done.addEventListener("click", end);
      input.addEventListener("keydown", (event) => event.key === "Enter" && end());
      sheet.append(el("label", {}, "码里写着什么", input), done);
      input.focus({ preventScroll: true });
    });
  }

  function pictures({ count = 9 }) {
    return new Promise((resolve) => {
      const input = el("input", { type: "file", accept: "image/*", multiple: Number(count) > 1, "data-wx-file": true, hidden: true });
      document.documentElement.append(input);
      const end = (answer) => {
        input.remove();
        resolve(answer);
      };
      input.addEventListener("cancel", () => end({ err_msg: "choose_image:cancel" }));
      input.addEventListener("change", () => {
        const localIds = [...input.files].slice(0, Number(count)).map((file) => URL.createObjectURL(file));
        end({ err_msg: "choose_image:ok", localIds });
      });
      input.click();
    });
  }

  async function localData({ localId }) {
    const blob = await (await fetch(localId)).blob();
    const data = await new Promise((resolve) => {
      const reader = new FileReader();
      reader.addEventListener("load", () => resolve(reader.result));
      reader.readAsDataURL(blob);
    });
    return { err_msg: "get_local_img_data:ok", localData: data };
  }

  function share(name) {
    return (data) => {
      tell("share", data);
      return { err_msg: `${name}:ok` };
    };
  }

  async function preVerify(config) {
    const said = await ask("config", { ...config, url: location.href.split("#")[0] });
    return { err_msg: said.err_msg.replace(/^config/, "pre_verify_jsapi") };
  }

  const NATIVE = {
    getBrandWCPayRequest: pay,
    requestMerchantTransfer: receive,
    preVerifyJSAPI: preVerify,
    geoLocation: position,
    openLocation: showPlace,
    scanQRCode: scan,
    chooseImage: pictures,
    getLocalImgData: localData,
    sendAppMessage: share("send_app_msg"),
    shareTimeline: share("share_timeline"),
    closeWindow: () => {
      tell("closeWindow");
      return { err_msg: "close_window:ok" };
    },
    hideOptionMenu: () => ({ err_msg: "hideOptionMenu:ok" }),
    showOptionMenu: () => ({ err_msg: "showOptionMenu:ok" }),
  };

  const bridge = {
    invoke(name, params, callback) {
      const native = NATIVE[name];
      const answer = native ? Promise.resolve().then(() => native(params ?? {}))
        : Promise.resolve({ err_msg: "system:function_not_exist", err_desc: name });
      answer.catch((failure) => ({ err_msg: `${name}:fail`, err_desc: String(failure.message) }))
        .then((said) => callback?.(said));
    },
    call(name, params) {
      bridge.invoke(name, params);
    },
    on() { /* the menu's own share buttons: the phones page passes links on by itself */ },
  };

  function ready() {
    window.WeixinJSBridge = bridge;
    document.dispatchEvent(new Event("WeixinJSBridgeReady"));
  }

  function watchTitle() {
    tell("title", document.title);
    new MutationObserver(() => tell("title", document.title))
      .observe(document.head, { childList: true, subtree: true, characterData: true });
  }

  setTimeout(ready, READY_MS);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", watchTitle);
  else watchTitle();
})();
