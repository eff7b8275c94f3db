// Times as the chat shows them, on the campus's clock wherever the browser stands.

const ZONE = "Asia/Shanghai";
const DAY_S = 86400;
const SHIFT_S = 8 * 3600;
const WEEKDAYS = ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"];

export const GAP_S = 300;

const clock = new Intl.DateTimeFormat("zh-CN", {
  timeZone: ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});
const date = new Intl.DateTimeFormat("zh-CN", { timeZone: ZONE, month: "long", day: "numeric" });

const dayOf = (at) => Math.floor((at + SHIFT_S) / DAY_S);

export function timeLabel(at, now) {
  const time = clock.format(at * 1000);
  const days = dayOf(now) - dayOf(at);
  if (days <= 0) return time;
  if (days === 1) return `昨天 ${time}`;
  if (days < 7) return `${WEEKDAYS[(dayOf(at) + 4) % 7]} ${time}`;
  return `${date.format(at * 1000)} ${time}`;
}
