// Hand WeChat the card that a group is shared by.
"use strict";

(() => {
  const told = document.getElementById("wechat");
  if (!told || !window.wx) return;
  const { config, share } = JSON.parse(told.textContent);
  window.wx.config({ ...config, jsApiList: ["updateAppMessageShareData", "updateTimelineShareData"] });
  window.wx.ready(() => {
    window.wx.updateAppMessageShareData(share);
    window.wx.updateTimelineShareData({ title: share.title, link: share.link, imgUrl: share.imgUrl });
  });
})();
