// Stand-in for WeChat's JS-SDK: `wx` on top of the WeixinJSBridge that the phone injects.
// As in WeChat, nothing works before wx.config was accepted, and then only what it listed.

(() => {
  "use strict";
  if (window.jWeixin) return;

  const state = { done: false, granted: null, fault: null, appId: "" };
  const waiting = [];
  let onError = null;

  const bridged = new Promise((resolve) => {
    if (window.WeixinJSBridge) resolve(window.WeixinJSBridge);
    else document.addEventListener("WeixinJSBridgeReady", () => resolve(window.WeixinJSBridge), { once: true });
  });

  const invoke = async (name, params) => {
    const bridge = await bridged;
    return new Promise((resolve) => bridge.invoke(name, params, resolve));
  };

  async function config(given) {
    state.appId = given.appId;
    const said = await invoke("preVerifyJSAPI", {
      appId: given.appId, timestamp: given.timestamp, nonceStr: given.nonceStr,
      signature: given.signature, jsApiList: given.jsApiList,
    });
    if (given.debug) window.alert(`config:${outcome(said)}`);
    if (outcome(said) === "ok") state.granted = new Set(given.jsApiList ?? []);
    else state.fault = { errMsg: `config:${outcome(said)}` };
    state.done = true;
    if (state.fault) onError?.(state.fault);
    else for (const callback of waiting.splice(0)) callback();
  }

  const outcome = ({ err_msg: said }) => said.slice(said.indexOf(":") + 1);

  function ready(callback) {
    if (state.granted) callback();
    else waiting.push(callback);
  }

  function error(callback) {
    onError = callback;
    if (state.fault) callback(state.fault);
  }

  function finish(name, result, given, values = {}) {
    const answer = { ...values, errMsg: `${name}:${result}` };
    const kind = result.startsWith("ok") ? "success" : result.startsWith("cancel") ? "cancel" : "fail";
    given[kind]?.(answer);
    given.complete?.(answer);
  }

  // An API that needs a place in jsApiList; `ask` turns what the page gave into the bridge's call.
  function api(name, native, ask = (given) => given) {
    return async (given = {}) => {
      if (!state.granted?.has(name)) return finish(name, state.done ? "permission denied" : "fail, wx.config first", given);
      const { success, fail, cancel, complete, trigger, ...params } = given;
      const { err_msg: said, err_desc: why, ...values } = await invoke(native, ask(params));
      const result = outcome({ err_msg: said });
      return finish(name, result === "fail" && why ? `fail, ${why}` : result, given, values);
    };
  }

  function nothing(name) {
    return (given = {}) => finish(name, "ok", given);
  }

  function checkJsApi(given = {}) {
    const known = (given.jsApiList ?? []).map((name) => [name, typeof wx[name] === "function"]);
    finish("checkJsApi", "ok", given, { checkResult: Object.fromEntries(known) });
  }

  function payRequest(given) {
    return { appId: given.appId ?? state.appId, timeStamp: String(given.timestamp ?? given.timeStamp),
      nonceStr: given.nonceStr, package: given.package, signType: given.signType, paySign: given.paySign };
  }

  const wx = {
    config, ready, error, checkJsApi,
    updateAppMessageShareData: api("updateAppMessageShareData", "sendAppMessage"),
    updateTimelineShareData: api("updateTimelineShareData", "shareTimeline"),
    onMenuShareAppMessage: api("onMenuShareAppMessage", "sendAppMessage"),
    onMenuShareTimeline: api("onMenuShareTimeline", "shareTimeline"),
    getLocation: api("getLocation", "geoLocation"),
    openLocation: api("openLocation", "openLocation"),
    scanQRCode: api("scanQRCode", "scanQRCode"),
    chooseImage: api("chooseImage", "chooseImage"),
    getLocalImgData: api("getLocalImgData", "getLocalImgData"),
    chooseWXPay: api("chooseWXPay", "getBrandWCPayRequest", payRequest),
    closeWindow: (given) => invoke("closeWindow", given ?? {}),
    hideOptionMenu: nothing("hideOptionMenu"),
    showOptionMenu: nothing("showOptionMenu"),
    hideMenuItems: nothing("hideMenuItems"),
    showMenuItems: nothing("showMenuItems"),
    hideAllNonBaseMenuItem: nothing("hideAllNonBaseMenuItem"),
    showAllNonBaseMenuItem: nothing("showAllNonBaseMenuItem"),
  };

  window.wx = wx;
  window.jWeixin = wx;
})();
