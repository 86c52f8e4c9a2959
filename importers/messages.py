"""What every finding of a package check means: what is wrong, and what to do about it."""

from django.utils.translation import gettext_lazy as _

from registry.findings import register_messages

register_messages(
    {
        "layout.empty": _("The chosen folder is empty. Upload the package first, or choose another folder."),
        "layout.model_missing": _(
            "There is no “model” folder directly below the chosen folder. Put config.json and the weights "
            "into a folder named “model” and choose its parent."
        ),
        "layout.model_elsewhere": _(
            "There is no “model” folder directly below the chosen folder, but there is one, for example, in "
            "“%(folder)s”. Choose that folder instead."
        ),
        "layout.model_named_otherwise": _(
            "There is no “model” folder directly below the chosen folder, but “%(folder)s” holds a config.json. "
            "Rename that folder to “model” and choose its parent."
        ),
        "layout.model_loose": _(
            "config.json lies in the chosen folder itself, not in a folder named “model”. Rename the chosen folder "
            "to “model”, or move its files into a folder of that name."
        ),
        "layout.parent_taken": _(
            "The chosen folder is the “model” folder itself, so its parent is taken as the package."
        ),
        "layout.model_taken": _(
            "The chosen folder holds a folder named “model”, so that one is taken: it is what a template needs."
        ),
        "layout.template_folder": _(
            "A template import needs the folder named “model” itself; “%(folder)s” was chosen. Rename it to “model”, "
            "or put the files into a folder of that name, and choose that."
        ),
        "layout.template_contradict": _(
            "The template is for %(engine)s, but no model file of it is there; “%(path)s” belongs to %(other)s. Choose "
            "another template or another folder."
        ),
        # Said by no check now; reports of before keep it.
        "layout.file_required": _("This source needs “%(pattern)s” in the model folder. Add the file."),
        "layout.config_missing": _(
            "There is no configuration file. Add model/config.json, or supply a configuration in the form."
        ),
        "layout.config_supplied": _("The package has no model/config.json; the configuration you supplied is used."),
        "layout.config_ignored": _("The template brings its own configuration, so this file is ignored."),
        "layout.other_config": _(
            "Only model/config.json configures the model; “%(path)s” is kept as an ordinary file."
        ),
        "layout.beside_ignored": _(
            "Files beside the “model” folder are not part of the package and are left out: %(count)s."
        ),
        "layout.too_many_files": _(
            "There are more than %(limit)s files. Choose the folder of one model, or pack the files it does "
            "not need into an archive."
        ),
        "layout.too_large": _("The package has %(size)s; the limit is %(limit)s. Remove what the model does not need."),
        "layout.too_deep": _("“%(path)s” is nested %(depth)s folders deep; the limit is %(limit)s. Move it up."),
        "layout.name_too_long": _("“%(path)s” is longer than %(limit)s bytes. Shorten its names."),
        "layout.unsafe_name": _(
            "“%(path)s” cannot be kept under this name: empty parts, “.”, “..”, a leading slash, backslashes "
            "and control characters are not allowed. Rename it."
        ),
        "layout.name_collision": _(
            "“%(path)s” and “%(other)s” differ only in upper and lower case. Rename one of them."
        ),
        "layout.name_repeated": _("“%(path)s” is there twice. Remove one of the two."),
        "layout.file_and_folder": _("“%(path)s” is the name of a file and of a folder at once. Rename one of them."),
        "layout.link": _(
            "“%(path)s” is a link or no regular file; links are never followed. Put the file itself there."
        ),
        "layout.expansion": _(
            "The archive would unpack to %(size)s, more than %(ratio)s times its size. Pack the files again "
            "in the usual way."
        ),
        "layout.encrypted": _("“%(path)s” is encrypted in the archive. Pack it without a password."),
        "layout.unreadable": _("“%(path)s” cannot be read. Check its permissions, or pack the archive again."),
        "layout.weights_missing": _("No model file of %(engine)s was found. It needs: %(patterns)s."),
        "layout.weights_keras": _(
            "“%(path)s” is a Keras file, and TensorFlow models are served from saved_model.pb. Save the model"
            " in the SavedModel format."
        ),
        "layout.weights_contradict": _(
            "The configuration says %(engine)s, but the files hold nothing of it; “%(path)s” belongs to "
            "%(other)s. Correct model_type or the files."
        ),
        "layout.weights_mixed": _(
            "Beside the files of %(engine)s there is “%(path)s”, which belongs to %(other)s. Check that "
            "model_type is right."
        ),
        "layout.template_mixed": _(
            "Beside the files of %(engine)s there is “%(path)s”, which belongs to %(other)s. Check that the template "
            "is the right one."
        ),
        "layout.weights_several": _(
            "Several model files (%(count)s: %(names)s); the inference code chooses among them."
        ),
        "layout.weights_ambiguous": _(
            "Several model files (%(count)s: %(names)s) and no inference code: the default loader cannot "
            "choose. Keep one, or add model/customize_service.py."
        ),
    }
)
register_messages(
    {
        "config.too_large": _("The configuration is larger than 1 MB. Remove what does not describe the model."),
        "config.too_deep": _("The configuration is nested deeper than 64 levels. Flatten it."),
        "config.undecodable": _("The configuration is no text in a known encoding. Save it as UTF-8."),
        "config.encoding": _(
            "The configuration is JSON, but saved as %(encoding)s. Accept the repair, or save it as UTF-8 "
            "without a byte-order mark."
        ),
        "config.repairable": _(
            "This is not JSON: “%(found)s” is not expected here. Comments and trailing commas can be taken "
            "out for you: accept the repair, or correct it here."
        ),
        "config.syntax_unexpected": _("This is not JSON: “%(found)s” is not expected here. Correct this place."),
        "config.syntax_ended": _("This is not JSON: the text ends too early. Close what was opened."),
        "config.syntax_string": _(
            "This is not JSON: the text that begins here is not closed, or holds a line break or a wrong "
            "escape. Correct it."
        ),
        "config.syntax_extra": _("This is not JSON: “%(found)s” follows the end. Remove what comes after it."),
        "config.not_object": _("The configuration must be one JSON object: { … }."),
        "config.duplicate_key": _("The key “%(key)s” is given twice; the last one counts. Remove the other."),
        "config.unstorable": _(
            "This value holds a NUL, half a character or a number out of range, which cannot be stored; it "
            "was replaced."
        ),
        "config.unknown_key": _("“%(key)s” is not a documented key. It is kept and has no effect."),
        "config.unknown_key_similar": _(
            "“%(key)s” is not a documented key; did you mean “%(meant)s”? It is kept and has no effect."
        ),
        "config.key_spelling": _("“%(found)s” is read as “%(meant)s”. Correct the spelling."),
        "config.wrong_type": _("Expected %(expected)s here, found %(found)s. Correct the value."),
        "config.wrong_type_ignored": _("Expected %(expected)s here, found %(found)s. The value is ignored."),
        "config.missing_key": _("“%(key)s” is missing here. Add it."),
        "config.empty_value": _("This value must not be empty. Fill it in."),
        "config.too_many": _("There are %(count)s entries here; at most %(most)s are read. Remove the rest."),
        "config.model_type_missing": _(
            "model_type is missing, and the files do not tell the engine. Add it, or choose the AI engine in "
            "the form: %(engines)s."
        ),
        "config.engine_derived": _("model_type is missing; the files say %(engine)s, which is taken."),
        "config.engine_chosen": _("model_type is missing; the chosen AI engine %(engine)s is taken."),
        "config.choice_ignored": _("The configuration says %(found)s, so the chosen AI engine %(chosen)s is not used."),
        "config.model_type_unknown": _(
            "“%(found)s” is no engine known here. The model is imported, but cannot run here."
        ),
        "config.model_type_similar": _(
            "“%(found)s” is no engine known here; did you mean “%(meant)s”? As written, the model is "
            "imported, but cannot run here."
        ),
        "config.model_type_image": _("model_type is missing; Image is taken."),
        "config.model_type_not_image": _(
            "A model from a container image has the type Image, not “%(found)s”. Correct model_type."
        ),
        "config.algorithm_missing": _(
            "model_algorithm is missing; “custom” is taken. Say what the model is for, such as image_classification."
        ),
        "config.algorithm_malformed": _(
            "model_algorithm “%(found)s” should start with a letter and have at most 36 characters, no "
            "Chinese and none of & ! ' \" < > ="
        ),
        "config.runtime_missing": _("No runtime is given; %(runtime)s is taken, the default of the engine."),
        "config.runtime_unknown": _("“%(found)s” is no known runtime of %(engine)s; %(used)s is used instead."),
        "config.image_forbidden": _(
            "swr_location belongs to models of the type Image only. Remove it, or correct model_type (now %(engine)s)."
        ),
        "config.image_missing": _(
            "A model of the type Image needs swr_location, the address of its container image. Add it."
        ),
        "config.image_registry": _(
            "No registry connection matches “%(host)s”. Correct swr_location, or ask an administrator to "
            "connect that registry."
        ),
        "config.image_unchecked": _("Whether the image %(image)s can be reached was not checked here."),
        "config.metric_unusual": _(
            "“%(name)s” is not one of f1, recall, precision, accuracy with a number from 0 to 1. It is shown as it is."
        ),
        "config.health_ignored": _(
            "A health check is used for models of the type Image only; for %(engine)s it has no effect."
        ),
        "config.health_incomplete": _(
            "The health check has neither a url nor a command, so it checks nothing. Add one."
        ),
        "config.apis_missing": _("No API is declared. The model answers POST on “/” and takes any JSON body."),
        "config.api_fields_missing": _("Not given: %(fields)s. The defaults are “/”, POST and application/json."),
        "config.apis_several": _(
            "%(count)s APIs are declared, but only “/” is served for models that are not of the type Image."
        ),
        "config.api_url": _("“%(url)s” will not be served: models that are not of the type Image answer on “/” only."),
        "config.protocol_unknown": _("“%(found)s” is neither http nor https; %(used)s is taken."),
        "config.method_unusual": _("The method %(found)s is neither POST nor GET. Check that the image answers it."),
        "config.method_unknown": _("The method %(found)s is neither POST nor GET; %(used)s is taken."),
        "config.content_type": _("The content type “%(found)s” is read as %(meant)s. Correct it."),
        "config.schema_type": _("The type “%(found)s” is read as %(meant)s, its name in JSON Schema."),
        "config.schema_type_unknown": _(
            "“%(found)s” is no type of a schema. Use object, array, string, number, integer, boolean or file."
        ),
        "config.schema_unreadable": _("This part of the schema is no JSON object and is left out."),
        "config.response_inside_request": _(
            "“response” lies inside “request”: a brace is closed too late. No answer counts as declared."
        ),
        "config.response_multipart": _(
            "The answer is declared as %(found)s, but answers are JSON. Write application/json."
        ),
        "config.json_only": _(
            "Models of %(engine)s take application/json only; a file upload will not reach the model."
        ),
        "config.json_with_file": _(
            "The request is JSON and has a parameter of the type file; it can be called both ways."
        ),
        "config.batch_undefined": _(
            "The undefined mode declares no input parameters, and a batch service needs to know them. Choose another "
            "input and output mode, or leave batch services out of the deployment types."
        ),
        "config.batch_without_schema": _(
            "A batch service needs to know the input parameters, and none are declared. Batch services are "
            "switched off for this version."
        ),
        "config.dependencies_for_image": _(
            "A container image brings its own packages, so dependencies are not allowed. Remove them and "
            "install the packages in the image."
        ),
        "config.installer": _(
            "The installer “%(installer)s” is not supported (nor are yum, apt-get or conda); only pip is. Use"
            " pip, or a container image."
        ),
        "config.installer_missing": _("No installer is given; pip is taken."),
        "config.requirement": _(
            "“%(requirement)s” is no requirement that pip understands: a name, extras in brackets and a "
            "version. Correct it."
        ),
        "config.requirement_elsewhere": _(
            "“%(requirement)s” is an address, a path or an option. Only names of packages and wheels inside "
            "the package are allowed."
        ),
        "config.wheel_missing": _("The wheel “%(path)s” is not in the package. Add it, or write the package's name."),
        "config.any_version": _("Empty: any version may be installed."),
        "config.restraint_unknown": _(
            "“%(restraint)s” is no constraint; any version may be installed. Use EXACT, ATLEAST or ATMOST."
        ),
        "config.restraint_spelling": _("The constraint “%(found)s” is read as %(meant)s. Write it so."),
        "config.restraint_without_version": _(
            "The constraint %(restraint)s has no version; any version may be installed. Add package_version."
        ),
        "config.version_without_restraint": _(
            "A version without a constraint: exactly this version is installed. Add restraint."
        ),
        "config.version_as_number": _("The version is written as a number; %(version)s is taken. Put it in quotes."),
        "config.version_in_name": _(
            "“%(requirement)s” holds the version inside the name. It is understood; package_version and "
            "restraint are the usual place."
        ),
        "config.version_with_operator": _("“%(version)s” holds its own operator, which is used instead of restraint."),
    }
)
register_messages(
    {
        "code.missing": _("There is no inference code, and %(engine)s models need it. Add model/customize_service.py."),
        "code.default_answers": _("There is no inference code; the default of %(engine)s answers."),
        "code.no_default": _(
            "There is no inference code, and %(engine)s has no default that could answer. The model is "
            "imported, but cannot run here."
        ),
        "code.other_name": _(
            "“%(path)s” looks like inference code, but only model/customize_service.py is used as such."
        ),
        "code.too_large": _("The inference code is larger than 1 MB and was not checked. Move data out of it."),
        "code.undecodable": _(
            "The inference code is not the text it claims to be: here is a byte that does not fit the "
            "encoding. Save it as UTF-8, or declare the encoding in the first line."
        ),
        "code.unknown_encoding": _(
            "The inference code declares an encoding that does not exist. Save it as UTF-8 and remove the declaration."
        ),
        "code.null_byte": _("The inference code holds a NUL byte, so it is not Python. Save it again as UTF-8 text."),
        "code.syntax": _("The inference code is not valid Python: %(reason)s."),
        "code.python2": _(
            "This line is Python 2, and services run on Python 3 (%(reason)s). Convert the file, for example with 2to3."
        ),
        "code.too_complex": _("The inference code is nested too deep to be read by Python. Simplify it."),
        "code.no_class": _(
            "No class in the inference code extends a service base class such as PTServingBaseService. Add one."
        ),
        "code.class_elsewhere": _(
            "The service class, or its base, seems to come from “%(module)s”; it is not followed there. "
            "Define it in customize_service.py to have it checked."
        ),
        "code.several_classes": _(
            "Several classes could be the service: %(names)s. Keep one that extends the base class."
        ),
        "code.other_base": _(
            "%(name)s extends %(base)s, which belongs to another engine than %(engine)s. Extend %(expected)s,"
            " or correct model_type."
        ),
        "code.other_base_template": _(
            "%(name)s extends %(base)s, which belongs to another engine than %(engine)s of the template. Extend "
            "%(expected)s, or choose a template of that other engine."
        ),
        "code.no_constructor": _(
            "%(name)s has no __init__. PyTorch models are state dictionaries, so the class must build the "
            "network and load it."
        ),
        "code.no_hooks": _(
            "%(name)s overrides none of _preprocess, _inference and _postprocess, and its base cannot answer alone."
        ),
        "code.module_missing": _(
            "The module “%(module)s” is neither in the package nor among its dependencies. Add its package to"
            " dependencies in config.json."
        ),
        "code.module_missing_template": _(
            "The module “%(module)s” is not in the model folder, and the configuration of a template asks for no "
            "packages beside the engine. Put the module beside the weights, or write a config.json with its package "
            "under dependencies and import from OBS."
        ),
        "code.runs_shell": _(
            "%(name)s runs when the file is imported. Installing belongs in dependencies; services run "
            "without a shell and without network."
        ),
        "code.unpickles": _(
            "%(name)s unpickles data. When the data comes from a request, whoever calls the service can run "
            "code in it. Use JSON."
        ),
        "code.allow_pickle": _(
            "%(name)s with allow_pickle=True can run code from the file it loads. Leave it out for what a "
            "request brings."
        ),
    }
)
register_messages(
    {
        "check.more": _("%(count)s more findings of the same kinds are not shown. Correct these first."),
    }
)
