-- What the scripts share: they behave until the record "bad" comes, and again after it.
return function(misbehave)
  return function()
    local text = read_message "Payload"
    if text == "bad" then
      misbehave()
      inject_message { Type = "held" }
    elseif text == "last" then
      inject_message { Type = "went_on" }
    end
    return 0
  end
end
