from django.core.files.uploadedfile import SimpleUploadedFile


def test_files_sent_to_an_ordinary_page_are_not_taken(rf):
    file = SimpleUploadedFile("model.zip", b"x" * 1000)

    request = rf.post("/accounts/login/", {"username": "ann", "file": file, "password": "after it"})

    assert request.FILES == {}
    assert request.POST.dict() == {"username": "ann"}
