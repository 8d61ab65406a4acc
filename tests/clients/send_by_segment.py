"""Sends three messages through Segment's own SDK, told nothing but host and write key."""
import os
import segment.analytics as analytics

analytics.write_key = os.environ["MIZAN_KEY"]
analytics.host = os.environ["MIZAN_URL"]
analytics.gzip = True
analytics.debug = True


def failed(error, items):
    raise SystemExit(f"refused: {error}")


analytics.on_error = failed
analytics.page(anonymous_id="v-1", name="Home", properties={"url": "https://shop.example/"})
analytics.track(anonymous_id="v-1", event="Product Viewed",
                properties={"sku": "OUD-1", "price": 12.5, "currency": "KWD", "name": "دهن عود"})
analytics.track(anonymous_id="v-2", event="Order Completed",
                properties={"order_id": "1001", "currency": "KWD", "shipping": 1, "total": 26,
                            "products": [{"sku": "OUD-1", "name": "دهن عود", "price": 12.5, "quantity": 2}]})
analytics.track(anonymous_id="v-2", event="Newsletter Signup", properties={"plan": "weekly"})
analytics.shutdown()
