// What a browser proves on its owner's behalf: a passkey, or a wallet's signature. The site gives the question.
import { post } from "manyhands/api.js";
import { t } from "manyhands/kit.js";

/** The owner said no, or the device has nothing to offer. */
function refused() {
  return Object.assign(new Error(t("way_refused")), { code: "way_refused", cure: t("way_refused_cure") });
}

export async function makePasskey(options) {
  try {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return (await navigator.credentials.create({ publicKey })).toJSON();
  } catch {
    throw refused();
  }
}

export async function usePasskey(options) {
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  } catch {
    throw refused();
  }
}

/** Message and signature of the wallet that this browser has. */
export async function proveWallet() {
  let address;
  try {
    [address] = await ethereum.request({ method: "eth_requestAccounts" });
  } catch {
    throw refused();
  }
  const { message } = await post("/api/sign-in/wallet/begin", { address });
  const bytes = new TextEncoder().encode(message);
  const hex = `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  try {
    return { message, signature: await ethereum.request({ method: "personal_sign", params: [hex, address] }) };
  } catch {
    throw refused();
  }
}
