# mizan: input webhook
#
# shopify

error("nothing is mapped yet")
