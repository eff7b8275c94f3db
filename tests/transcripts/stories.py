"""Beginnings that many conversations share."""
PAID = """
    小林  来份黄焖鸡微辣 送12栋302
    bot   order.quoted  code=$c
    小林  确认$c
    bot   order.confirmed
    (小林 pays)
    (work)
    card  小林  paid  $c
"""
COOKING = PAID + """
    阿香  接$c
    bot   kitchen.accepted  code=$c
"""
TAKEN = COOKING + """
    阿哲  上线
    bot   rider.online
    (work)
    push  阿哲  rider.offer  code=$c
    阿哲  接$c
    bot   rider.taken
    (work)
    push  小林  buyer.taken
"""
ON_THE_WAY = TAKEN + """
    阿哲  $c到店
    bot   rider.at_shop
    阿哲  $c取到
    bot   rider.picked_up
"""
AT_THE_DOOR = ON_THE_WAY + """
    阿哲  $c到了
    bot   rider.arrived
    (work)
"""
