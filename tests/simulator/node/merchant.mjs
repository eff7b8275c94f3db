// wechatpay-axios-plugin as a merchant: one JSON object a line in, one a line out.
// The first line is the configuration: { base, mchid, serial, privateKey, certs, apiV3Key }.

import readline from "node:readline";
import plugin from "wechatpay-axios-plugin";

const { Aes, Formatter, Rsa, Wechatpay } = plugin;
let merchant;
let config;

const acts = {
  configure(given) {
    config = given;
    const { base: baseURL, mchid, serial, privateKey, certs } = given;
    merchant = new Wechatpay({ mchid, serial, privateKey, certs, baseURL, secret: "x".repeat(32),
      responseType: given.responseType });
    return { ok: true };
  },

  // { path, method, data, params, headers } → { status, data }, once the answer's signature held.
  async call({ path, method = "get", data, params, headers = {} }) {
    const how = { params, headers };
    const client = merchant.chain(path);
    const { status, data: told } = await (method === "get" ? client.get(how) : client.post(data, how));
    return { status, data: told === "" ? null : told };
  },

  // A bill, fetched and read by the client's own reader: { path } → { rows, summary }.
  async bill({ path, params }) {
    const { data } = await merchant.chain(path).get({ params, responseType: "arraybuffer" });
    return Formatter.castCsvBill(data);
  },

  // A notification as it came: { headers, body } → what is sealed in it, or { forged: true }.
  notice({ headers, body }) {
    const key = config.certs[headers["Wechatpay-Serial"]];
    const said = Formatter.response(headers["Wechatpay-Timestamp"], headers["Wechatpay-Nonce"], body);
    if (!key || !Rsa.verify(said, headers["Wechatpay-Signature"], key)) return { forged: true };
    const { ciphertext, nonce, associated_data: associated } = JSON.parse(body).resource;
    return { resource: JSON.parse(Aes.AesGcm.decrypt(ciphertext, config.apiV3Key, nonce, associated)) };
  },

  // What the page hands to the bridge.
  request({ appId, prepayId }) {
    const [timeStamp, nonceStr, packed] = [String(Formatter.timestamp()), Formatter.nonce(), `prepay_id=${prepayId}`];
    const paySign = Rsa.sign(Formatter.joinedByLineFeed(appId, timeStamp, nonceStr, packed), config.privateKey);
    return { appId, timeStamp, nonceStr, package: packed, signType: "RSA", paySign };
  },

  seal({ text, serial }) {
    return { sealed: Rsa.encrypt(text, config.certs[serial]) };
  },
};

async function answer(line) {
  const { act, ...asked } = JSON.parse(line);
  try {
    return await acts[act](asked);
  } catch (error) {
    const { status, data } = error.response ?? {};
    return { error: error.code ?? error.message, status, data };
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
