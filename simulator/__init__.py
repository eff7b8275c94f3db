"""WeChat and WeChat Pay on one port of this machine, for demos and tests.

A second reading of the platform's documents that shares no code with the service: what it refuses,
WeChat refuses. In a test:

    world = World(credentials.ensure(directory), webhook="http://127.0.0.1:8000/wechat/{app_id}")
    with app.running(world) as base:            # base goes into WECHAT_API_BASE and its like
        lin = world.add_phone("小林", "student")
        assert world.say(lin, "在吗") == "在"    # the passive reply
        world.settle()                          # what is due in the background has happened
        world.heard(lin)                        # replies, service messages, template cards

`world.advance(seconds)` moves its clock, `world.faults` asks for trouble, `world.journal` has both
sides' words, `world.knobs` what the documents leave open. `python -m simulator` serves the same to
a browser (/sim/) and to other processes (control.py).
"""
