# mizan: input webhook
#
# moyasar

error("nothing is mapped yet")
