txws.cookies.cookieHeader and txws.cookies.storeCookies share a http.cookiejar.CookieJar with opening handshakes.
