from tests.plugins.whatsapp.backstage import backstage, ctx, on_whatsapp, standing_in
from tests.plugins.whatsapp.peer.fixtures import authority, whatsapp

__all__ = ["authority", "backstage", "ctx", "on_whatsapp", "standing_in", "whatsapp"]
