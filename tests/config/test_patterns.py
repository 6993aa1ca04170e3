from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from config.mapper_text import MAPPER_NAMES
from config.patterns import MapperText, Pattern, PatternError

VALUES: dict[str, str | int] = {
    "workspaceIdentifier": "my-workspace",
    "projectIdentifier": "my-project",
    "meshProjectId": 255,
    "tenantPlatformNumber": 4,
    "platform": "aws.dev",
    "rand": "aB3dE6gH9j",
    "tagCostCenter": "CC-1",
}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("plain", "plain"),
        ("100% #legal {text}", "100% #legal {text}"),
        (
            "#{workspaceIdentifier}.#{projectIdentifier:%.7s}-test.#{tenantPlatformNumber:%03d}",
            "my-workspace.my-proj-test.004",
        ),
        ("#{customerIdentifier}", "my-workspace"),
        ("#{projectIdentifier:%S}", "MY-PROJECT"),
        ("#{projectIdentifier:%.2S}", "MY"),
        ("#{projectIdentifier:%12s}|", "  my-project|"),
        ("#{projectIdentifier:%-12s}|", "my-project  |"),
        ("#{projectIdentifier:%5.2s}|", "   my|"),
        ("#{projectIdentifier:%-5.2s}|", "my   |"),
        ("#{rand:%.8s}", "aB3dE6gH"),
        ("#{tenantPlatformNumber}", "4"),
        ("#{tenantPlatformNumber:%s}", "4"),
        ("#{tenantPlatformNumber:%d}", "4"),
        ("#{tenantPlatformNumber:%3d}", "  4"),
        ("#{tenantPlatformNumber:%-3d}|", "4  |"),
        ("#{meshProjectId:%x}", "ff"),
        ("#{meshProjectId:%04X}", "00FF"),
        ("#{meshProjectId:n%d%%}", "n255%"),
        ("#{meshProjectId:%o}", "377"),
        ("#{meshProjectId:%#o}", "0377"),
        ("#{meshProjectId:%#x}", "0xff"),
        ("#{meshProjectId:%#08X}", "0X0000FF"),
        ("#{meshProjectId:%8x}|", "      ff|"),
        ("#{meshProjectId:%+d}", "+255"),
        ("#{meshProjectId:% d}", " 255"),
        ("#{meshProjectId:%(d}", "255"),
        ("#{meshProjectId:%+06d}", "+00255"),
        ("#{meshProjectId:%-+6d}|", "+255  |"),
        ("#{meshProjectId:%S}", "255"),
        ("#{projectIdentifier:%.2s%%}", "my%"),
        ("#{projectIdentifier:%3%%s}", "  %my-project"),
        ("#{projectIdentifier:%-3%%s}", "%  my-project"),
        ("#{projectIdentifier:%1$s}", "my-project"),
        ("#{projectIdentifier:%1$.2s-%1$S}", "my-MY-PROJECT"),
        ("#{projectIdentifier:%.2s-%<S}", "my-MY-PROJECT"),
        ("#{projectIdentifier:%1$.2s%s}", "mymy-project"),
        ("#{projectIdentifier:%h}", "47c2cff8"),
        ("#{projectIdentifier:%12H}", "    47C2CFF8"),
        ("#{projectIdentifier:%.4h}", "47c2"),
        ("#{meshProjectId:%h}", "ff"),
        ("#{tagCostCenter}", "CC-1"),
        ("a%sb", "amy-workspace.my-projectb"),
        ("aws+%s@example.com", "aws+my-workspace.my-project@example.com"),
    ],
)
def test_pattern_renders_as_java_does(text: str, rendered: str) -> None:
    assert Pattern.parse(text).render(VALUES) == rendered


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        ("#{workspace}", "unknown placeholder #{workspace}; allowed: customerIdentifier, meshProjectId"),
        ("#{}", "unknown placeholder #{}"),
        ("#{tag}", "unknown placeholder #{tag}"),
        ("#{tagcostCenter}", "tag<Name> such as tagCostCenter"),
        ("#{platformGroupAlias}", "unknown placeholder #{platformGroupAlias}"),
        ("x#{rand", "character 2: pattern 'x#{rand' has a '#{' without its '}'"),
        ("#{rand:}", "no conversion"),
        ("#{rand:abc}", "no conversion"),
        ("#{rand:%}", "ends in the middle"),
        ("#{rand:%q}", "unknown conversion '%q'"),
        ("#{rand:%n}", "uses '%n', which would break the line"),
        ("#{rand:%b}", "uses '%b', which would write 'true'"),
        ("#{rand:%c}", "uses '%c', which takes a single character"),
        ("#{rand:%tY}", "uses '%t', which takes a date"),
        ("#{rand:%e}", "unknown conversion '%e'"),
        ("#{rand:%D}", "unknown conversion '%D'"),
        ("#{rand:%2$s}", "names the value 2; there is only one"),
        ("#{rand:%<s}", "names the conversion before it with '<', and there is none"),
        ("aws+#{rand:x%y}@a.de", "character 13: format 'x%y' uses the unknown conversion '%y'"),
        ("a#{rand}#{wrong}", "character 9: unknown placeholder #{wrong}"),
        ("a#{rand:%d}", "character 9: format '%d' is for numbers"),
        ("#{rand:%.2%%s}", "gives a percent sign a precision"),
        ("#{meshProjectId:%--5d}", "flags '--', which exclude each other"),
        ("#{meshProjectId:%+ d}", "flags '+ ', which exclude each other"),
        ("#{meshProjectId:%#d}", "flag '#' on a number"),
        ("#{meshProjectId:%+x}", "flag '+' on a number"),
        ("#{rand:%s%s}", "two conversions"),
        ("#{rand:%d}", "is for numbers, but #{rand} is a text"),
        ("#{tagAge:%d}", "is for numbers"),
        ("#{rand:%05s}", "flag '0' on a text"),
        ("#{rand:%-s}", "no width"),
        ("#{meshProjectId:%0d}", "no width"),
        ("#{meshProjectId:%-05d}", "flags '-0'"),
        ("#{meshProjectId:%.2d}", "precision"),
        ("#{meshProjectId:%,d}", "flag ',' on a number"),
        ("#{rand:%999s}", "wider than 256"),
        ("#{rand:%99999999s}", "wider than 256"),
        ("#{rand:%9999999999s}", "ends in the middle"),
        ("aws-account+%s@example.com", "at most 20"),
        ("%s%s", "more than once"),
    ],
)
def test_wrong_pattern_is_refused_with_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        ("#{tenantPlatformNumber:%03d}", {}, "needs a value for tenantPlatformNumber"),
        ("#{tagCostCenter}", {}, "needs the tag 'costCenter' (tagCostCenter)"),
        ("#{tagCostCenter}", {"tagCostCenter": ""}, "needs the tag 'costCenter'"),
        ("#{meshProjectId:%d}", {"meshProjectId": "x1"}, "whole number"),
        ("#{meshProjectId:%d}", {"meshProjectId": -1}, "whole number"),
        ("#{meshProjectId:%x}", {"meshProjectId": True}, "whole number"),
        ("#{meshProjectId:%d}", {"meshProjectId": "9" * 5000}, "at most 18 digits"),
    ],
)
def test_rendering_never_loses_a_part(text: str, values: dict[str, str | int], words: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern.parse(text).render(values)
    assert words in str(caught.value)


def test_number_may_come_as_digits() -> None:
    assert Pattern.parse("#{meshProjectId:%04d}").render({"meshProjectId": "42"}) == "0042"


def test_placeholders_are_named_without_aliases() -> None:
    pattern = Pattern.parse("#{customerIdentifier}#{tagX}#{platformGroupAlias}", extra=("platformGroupAlias",))
    assert pattern.placeholders == {"workspaceIdentifier", "tagX", "platformGroupAlias"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("#{workspaceIdentifier}.#{projectIdentifier}", True),
        ("#{workspaceIdentifier:%.7s}.#{projectIdentifier}", False),
        ("#{workspaceIdentifier:%.16s}.#{projectIdentifier:%.30s}", True),
        ("#{projectIdentifier}", False),
        ("#{meshProjectId:%d}", True),
        ("#{tenantPlatformNumber}", True),
        ("#{rand:%.3s}", False),
        ("#{rand:%h}", False),
        ("#{rand:%1$.3s%1$.8s}", True),
        ("#{platform}", False),
        ("a%sb", True),
    ],
)
def test_pattern_knows_whether_it_names_tenants(text: str, names: bool) -> None:
    assert Pattern.parse(text).names_tenants is names


class Model(BaseModel):
    pattern: Pattern
    mapper: MapperText


def test_pattern_is_a_pydantic_field() -> None:
    model = Model.model_validate({"pattern": "#{rand}", "mapper": "${projectName}"})
    assert model.pattern == Pattern.parse("#{rand}")
    assert Model(pattern=model.pattern, mapper=model.mapper) == model
    assert model.model_dump_json() == '{"pattern":"#{rand}","mapper":"${projectName}"}'


@pytest.mark.parametrize("wrong", [1, None, ["a"], "#{x}"])
def test_wrong_pydantic_field_gives_one_error(wrong: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"pattern": wrong, "mapper": "x"})
    assert caught.value.error_count() == 1


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("production", "production"),
        ("costs $5 {x}", "costs $5 {x}"),
        ("${workspaceIdentifier}/${projectIdentifier}", "ws/none"),
        ("${landingZoneName}", "no-landingzone"),
        ("${paymentAmount}", "none"),
        ("${customerIdentifier}.${landingzone}", "ws.no-landingzone"),
        ("${ownerFirstName} ${additionalOwnerUsername}", "none none"),
    ],
)
def test_mapper_text_renders_unset_values_by_name(text: str, rendered: str) -> None:
    values: dict[str, str | None] = {"workspaceIdentifier": "ws", "projectIdentifier": "", "paymentAmount": None}
    assert MapperText.parse(text).render(values) == rendered


@pytest.mark.parametrize("text", ["${workspace}", "${}", "${projectName", "${a${projectName}}"])
def test_unknown_mapper_part_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        MapperText.parse(text)


def test_every_mapper_name_is_known() -> None:
    text = "".join(f"${{{name}}}" for name in MAPPER_NAMES)
    assert MapperText.parse(text).names == set(MAPPER_NAMES)


_pieces = st.sampled_from(
    ["#{", "}", ":", "%", "%s", "%.7s", "%03d", "0", "9" * 30, "rand", "meshProjectId", "tagX", "${", "é"]
)


@given(
    st.lists(_pieces | st.text(max_size=4), max_size=8).map("".join),
    st.dictionaries(st.sampled_from(list(VALUES)), st.text() | st.integers()),
)
def test_patterns_raise_nothing_but_pattern_error(text: str, values: dict[str, str | int]) -> None:
    try:
        rendered = Pattern.parse(text).render(values)
    except PatternError:
        return
    assert isinstance(rendered, str)


@given(st.lists(_pieces | st.sampled_from(["${projectName}"]) | st.text(max_size=4), max_size=8).map("".join))
def test_mapper_texts_raise_nothing_but_pattern_error(text: str) -> None:
    try:
        mapper = MapperText.parse(text)
    except PatternError:
        return
    mapper.render({})
