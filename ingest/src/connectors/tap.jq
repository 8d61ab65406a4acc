# mizan: input webhook
#
# tap

error("nothing is mapped yet")
