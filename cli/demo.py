from cli.base import command
@command("demo")
def demo() -> None:
    """Everything at once, with a simulated WeChat; prints the URL."""
