# mizan: input webhook
#
# A carrier, or whoever integrates one: one scan of a parcel, or a list of them, in the format of
# docs/connectors/carrier.md. A parcel is `parcel_id`, or its tracking number. What happens to it once (shipped,
# delivered, returned) has an id of order, parcel and fact, so it does not matter how many scans tell it; what may
# happen again (out for delivery, delivery failed) has the id of the scan too. Scans sent twice, or again from the
# carrier's archive, are the same events.

def text: if . == null or . == "" then null else tostring end;
def among($list): . as $one | $list | any(. == $one);

def scan:
  if type != "object" then error("a scan is an object; see docs/connectors/carrier.md") else . end
  | (.order_id | text // error("order_id is missing: the order's number in the shop")) as $order
  | (.parcel_id // .tracking_number | text // error("parcel_id or tracking_number is needed")) as $parcel
  | (.time | text // error("time is missing")) as $time
  | (if $time | test("(Z|[+-][0-9]{2}:[0-9]{2})$") then . else
      error("time: \($time) has no zone; write 2026-03-01T13:04:07+03:00 or end it in Z") end)
  | {
      order_id: $order, parcel_id: $parcel, carrier: (.carrier | text), tracking_number: (.tracking_number | text),
      tracking_url: (.tracking_url | text)
    } as $data
  | def event($type; $fact; $more):
      {type: $type, id: "\($order)/\($parcel)/\($fact)", time: $time, data: ($data + $more)};
    def repeated($type): (.event_id | text // $time) as $which
      | event($type; "\(.status)/\($which)"; {reason: (.reason | text)});
    # The cash that the courier took at the door. The shop's platform may tell of it too: the order stands for the
    # payment and for the try, so that the same amount told twice counts once.
    def cash:
      (.currency | text // error("cod_amount needs currency, such as SAR")) as $currency
      | {
          type: "payment.captured", id: "\($order)/\($parcel)/cash", time: $time,
          data: {
            payment_id: $order, attempt_id: (.cod_id | text // $order), order_id: $order,
            provider: "cod", method: "cod", amount: (.cod_amount | money), currency: $currency
          }
        };
    .status as $status
    | if $status | among(["picked_up", "in_transit"]) then event("order.shipped"; "shipped"; {})
      # Waiting at a pick-up point is as near to the customer as being on the van.
      elif $status | among(["out_for_delivery", "ready_for_pickup"]) then
        repeated("order.out_for_delivery") | del(.data.reason)
      elif $status == "delivery_failed" then repeated("order.delivery_failed")
      elif $status == "delivered" then
        event("order.delivered"; "delivered"; {}),
        (select(.cod_amount | text // 0 | tonumber != 0) | cash)
      elif $status == "returned" then
        event("order.returned"; "returned"; {
          reason: (.reason | text), lines: (.lines | if . then map({sku, quantity}) else null end)
        })
      elif $status | among(["pending", "on_hold", "delivery_delayed", "unknown"]) then empty
      else error("status: \($status) is none of pending, picked_up, on_hold, in_transit, out_for_delivery, "
        + "ready_for_pickup, delivery_delayed, delivery_failed, delivered, returned")
      end;

.body | if type == "array" then .[] else . end | scan
