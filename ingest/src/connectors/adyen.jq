# mizan: input webhook
#
# adyen

error("nothing is mapped yet")
