# The types of streaming.py, for Cython.

cimport cython

from .delivery cimport Receiver
from .encodings cimport Encoding
from .sending cimport Sender


cdef class StreamTransport:
    # For what protocols attach.
    cdef dict __dict__
    cdef object __weakref__

    cdef public bint disconnecting

    cdef Encoding _encoding
    cdef bint _isStreaming
    cdef object _producer
    cdef Sender _sender
    cdef object _webSocket

    cdef _lose(self)


cdef class StreamHandler(Receiver):
    cdef public object protocol

    cdef Encoding _encoding
    cdef bint _isBase64
    cdef bint _isConnected
    cdef StreamTransport _transport

    @cython.locals(text=str, data=bytes)
    cpdef textMessageReceived(self, message)
    cpdef bytesMessageReceived(self, data)
    cdef _base64Received(self, message)
