module github.com/sallyport-auth/sallyport/verify

go 1.26.0
