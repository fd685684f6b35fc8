# The types of contract.py, for Cython.

cdef class WireConnection:
    cdef public closeReceived
    cdef public closeSent
    cdef public bint hasMore, isCloseReceivedFirst, isCongested
    cdef public Py_ssize_t pendingSize
    cdef public state

    cpdef receiveData(self, data)
    cpdef list nextMessages(self)
    cpdef nextEvent(self)
    cpdef sendText(self, message, compress=*)
    cpdef sendBytes(self, data, compress=*)
    cpdef sendPrepared(self, message)
    cpdef list dataToSend(self, atMost=*)
