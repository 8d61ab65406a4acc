# mizan: input webhook
#
# saleor

error("nothing is mapped yet")
