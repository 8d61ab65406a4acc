# mizan: input webhook
#
# woocommerce

error("nothing is mapped yet")
