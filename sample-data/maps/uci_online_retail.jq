# mizan: group_by Country
# mizan: source uci-online-retail
#
# "Online Retail" (UCI 352): a gift shop's year, one CSV row an invoice line.
#
#   mizan import online_retail/*.csv --map sample-data/maps/uci_online_retail.jq
#
# Invoices become order.placed, `C…` invoices (cancellations) become order.returned with what came back as positive
# quantities. A cancellation does not say which invoice it cancels, so its own number is its order_id. Invoices without
# customer and without any price are the stockroom's notes ("damaged", "found", "?"): inventory.adjusted. The three
# `A…` invoices ("Adjust bad debt") are orders with a price that may be below zero. No row is left out.
#
# Rows of an invoice stand together, but for one (542806), which another invoice interrupts. So whole runs of a country
# are read at once, and the invoices are sorted out here: an invoice has one country, and no run divides an invoice.
#
# Prices have up to three decimals. Four invoices therefore add up to fractions of a penny; `subtotal` and `total` are
# rounded to the penny (half up), the lines are exact.

def pennies: . * 100 + 0.5 | floor / 100;

def when: .[0].InvoiceDate | to_utc("%Y-%m-%d %H:%M:%S"; "Europe/London");

def customer: .[0].CustomerID | rtrimstr(".0") | if . == "" then {} else {customer: {id: .}} end;

def lines($sign): to_entries | map({
    line_id: (.key + 1 | tostring),
    sku: .value.StockCode,
    name: .value.Description,
    quantity: ((.value.Quantity | tonumber) * $sign),
    unit_price: (.value.UnitPrice | money)
  });

def worth: map((.unit_price | tonumber) * .quantity) | add | pennies | money;

def placed: lines(1) as $lines | ($lines | worth) as $worth | {
    type: "order.placed", id: .[0].InvoiceNo, time: when,
    data: (customer + {
      order_id: .[0].InvoiceNo, lines: $lines, subtotal: $worth, total: $worth,
      currency: "GBP", channel: "online", shipping_address: {country: .[0].Country}
    })
  };

def returned: lines(-1) as $lines | {
    type: "order.returned", id: .[0].InvoiceNo, time: when,
    data: (customer + {
      order_id: .[0].InvoiceNo, lines: $lines, total: ($lines | worth),
      currency: "GBP", channel: "online", shipping_address: {country: .[0].Country}
    })
  };

def adjusted: when as $when | to_entries[] | {
    type: "inventory.adjusted", id: "\(.value.InvoiceNo)-\(.key + 1)", time: $when,
    data: {
      sku: .value.StockCode, quantity: (.value.Quantity | tonumber),
      reason: (if .value.Description == "" then "not said" else .value.Description end)
    }
  };

def a_stockroom_note: all(.[]; .CustomerID == "" and (.UnitPrice | tonumber) == 0);

group_by(.InvoiceNo)[]
| if .[0].InvoiceNo | startswith("C") then returned
  elif a_stockroom_note then adjusted
  else placed
  end
