"""GET /v3/certificates: for merchants that do not (yet only) use the public key (C2)."""
from simulator import platform_keys
from simulator.pay.door import Body, PayError, serve
from simulator.world import World


def certificates(world: World, args: Body) -> Body:
    """A merchant with a WeChat Pay public key has no platform certificates to download."""
    if not (told := platform_keys.downloaded(world)):
        raise PayError(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥")
    return {"data": told}


serve("/v3/certificates", "GET", certificates)
