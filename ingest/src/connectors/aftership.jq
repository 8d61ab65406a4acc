# mizan: input webhook
#
# AfterShip Tracking. Each delivery carries the whole tracking in `msg`; `tag` is its state now, `checkpoints` its
# history. A parcel is its carrier (`slug`) and tracking number. Shipped and delivered happen once, so their ids are
# parcel and tag; a failed attempt and a new start may come again, so theirs have the time of the scan too. A delivery
# sent twice, or the tracking read again by the API, is then the same event. Carriers tell many scans without a zone;
# such a time is not read: the moment when AfterShip learnt of the scan, which has a zone, stands for it, and `ts`,
# the moment of the webhook, where there is neither.

def text: if . == null or . == "" then null else tostring end;
def among($list): . as $one | $list | any(. == $one);

# Only times that say their zone, and not the mere dates of some carriers.
def zoned: text | if . and test("T[0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2})$") then . else null end;
def time_of($scan; $ts): ($scan.checkpoint_time | zoned) // ($scan.created_at | zoned) // ($ts | unix_time)
  // error("neither a scan nor the webhook tells a time with its zone");

# Trouble after which the parcel does not reach the customer as planned. The other exceptions are delays.
def fails: among(["Exception_001", "Exception_002", "Exception_003", "Exception_006", "Exception_007", "Exception_008",
  "Exception_009", "Exception_010", "Exception_011", "Exception_012", "Exception_013"]);

def tracking($ts):
  . as $msg
  | ((.custom_fields // {}).order_id // .order_id // .order_number | text) as $order
  | "\(.slug)/\(.tracking_number)" as $parcel
  # The first scan of a state that comes once, the last of one that may come again.
  | [(.checkpoints // [])[] | select(.tag == $msg.tag)] as $scans
  | {
      order_id: ($order
        // error("the tracking \($parcel) names no order; give it order_id when it is made, then replay this")),
      parcel_id: ((.custom_fields // {}).parcel_id | text), carrier: (.slug | text),
      tracking_number: (.tracking_number | text), tracking_url: (.courier_tracking_link | text)
    } as $data
  | def once($type): {type: $type, id: "\($parcel)/\($msg.tag)", time: time_of($scans[0]; $ts), data: $data};
    def again($type; $reason):
      time_of($scans[-1]; $ts) as $time
      | {type: $type, id: "\($parcel)/\($msg.tag)/\($time)", time: $time, data: ($data + {reason: $reason})};
    if .tag == "InTransit" then once("order.shipped")
    elif .tag == "Delivered" then once("order.delivered")
    # A parcel that waits for its customer at a pick-up point is as near as one on the van.
    elif .tag == "OutForDelivery" or .tag == "AvailableForPickup" then again("order.out_for_delivery"; null)
    elif .tag == "AttemptFail" or (.tag == "Exception" and (.subtag // "Exception_001" | fails)) then
      again("order.delivery_failed"; .subtag_message // .subtag | text)
    else empty
    end;

.body
| if type != "object" then error("the body is not a webhook of AfterShip Tracking")
  elif .event == "tracking_update" then
    .ts as $ts
    | if (.msg | type) != "object" or (.msg.tracking_number | text) == null then
        error("tracking_update without a tracking")
      elif .msg.tag | among(["Pending", "InfoReceived", "InTransit", "OutForDelivery", "AvailableForPickup",
        "AttemptFail", "Delivered", "Exception", "Expired"]) then .msg | tracking($ts)
      else error("\(.msg.tag) is not a tag this connector knows")
      end
  # Estimates of the day of delivery, and parcels without a first scan.
  elif .event | among(["edd_revise", "tracking_pending_time"]) then empty
  else error("\(.event) is not an event this connector knows")
  end
