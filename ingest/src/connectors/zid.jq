# mizan: input webhook
#
# zid

error("nothing is mapped yet")
